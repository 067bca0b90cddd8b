// A Defender's spool and link, real but without a Docker engine, joined to a real Console: what delivery tests stand on.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AccessEvent, localTokenFile } from '@dockledger/contract';
import { createTempDir } from '@dockledger/testkit';
import type { TestConsole } from '../../packages/console/src/testing/test-console.ts';
import { createCertificateKeeper } from '../../packages/defender/src/console-link/certificate-keeper.ts';
import { createChannelClient } from '../../packages/defender/src/console-link/channel-client.ts';
import { type ConsoleLink, startConsoleLink } from '../../packages/defender/src/console-link/console-link.ts';
import { openChannelIdentity } from '../../packages/defender/src/console-link/open-identity.ts';
import { openSpool, type Spool } from '../../packages/defender/src/spool/spool.ts';
import { aRead, testHost } from '../../packages/defender/src/spool/testing/drafts.ts';

/** A spool with its link. Disposing stops both; the directory stays unless it was made here. */
export interface LinkedDefender extends AsyncDisposable {
  readonly defenderId: string;
  readonly spool: Spool;
  readonly link: ConsoleLink;
  readonly warnings: readonly string[];
  rulesVersion(): number;
  /** Records calls named `<prefix>1` to `<prefix><count>` and makes events of them. */
  record(count: number, prefix?: string): Promise<void>;
}

/** Starts one. `url` puts something between it and the Console. */
export async function startLinkedDefender(
  console: TestConsole,
  options: { directory?: string; defenderId?: string; url?: string; now?: () => number } = {},
): Promise<LinkedDefender> {
  const own = options.directory === undefined ? await createTempDir('dl-link-') : undefined;
  const directory = options.directory ?? own?.path ?? '';
  const defenderId = options.defenderId ?? 'linked-host-1';
  const spool = await openSpool(join(directory, 'spool'), { defenderId, host: testHost, onWarning: () => {} });
  const warnings: string[] = [];
  let rulesVersion = 0;
  const path = join(directory, 'identity.json');
  await mkdir(directory, { recursive: true });
  const url = options.url ?? console.running.endpoints.defenderChannel;
  const identity = await openChannelIdentity({
    path,
    localTokenPath: join(console.dataDir, localTokenFile),
    token: undefined,
    consoleUrl: console.running.endpoints.defenderChannel,
    defenderId,
    host: testHost,
  });
  const client = createChannelClient([url], identity);
  const link = startConsoleLink({
    client,
    certificates: createCertificateKeeper({ path, identity, client, now: options.now ?? Date.now }),
    outbox: spool.outbox,
    defenderId,
    host: testHost,
    rulesVersion: () => rulesVersion,
    applyRules: async (rules) => {
      rulesVersion = rules.version;
    },
    status: () => ({ conditions: [], engine: { reachable: false } }),
    onWarning: (text) => warnings.push(text),
  });
  return {
    defenderId,
    spool,
    link,
    warnings,
    rulesVersion: () => rulesVersion,
    record: async (count, prefix = 'call-') => {
      for (let number = 1; number <= count; number++) {
        await spool.recorder.request(aRead(spool.recorder.nextRid(), `${prefix}${number}`)).written;
      }
      await spool.flush();
    },
    [Symbol.asyncDispose]: async () => {
      await link.close();
      await spool.close();
      await own?.[Symbol.asyncDispose]();
    },
  };
}

/** Everything that the Console's trail holds of Defenders, oldest position in the ledger first. */
export async function readTrail(console: TestConsole): Promise<AccessEvent[]> {
  await console.indexed();
  const events: (AccessEvent & { ledgerIndex: number })[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: { events: (AccessEvent & { ledgerIndex: number })[]; nextCursor?: string } = (
      await console.api.send(`/api/dockledger/v1/events?order=oldest&limit=1000${cursor && `&cursor=${cursor}`}`)
    ).json();
    events.push(...page.events);
    cursor = page.nextCursor;
  }
  return events.filter(({ type }) => type !== 'console').toSorted((a, b) => a.ledgerIndex - b.ledgerIndex);
}
