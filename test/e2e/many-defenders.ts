// Many Defenders at one Console over the real channel, without spools: each makes its events from their numbers alone, so that a
// resend has the same bytes. The Console is stopped and started again while they send.
import { gzipSync } from 'node:zlib';
import { channelRoutes, defenderHeader, protocolHeader } from '@dockledger/contract';
import { until } from '@dockledger/testkit';
import { anEvent } from '../../packages/console/src/testing/an-event.ts';
import {
  type ClientCertificate,
  createDefenderCertificate,
} from '../../packages/console/src/testing/defender-certificate.ts';
import { startTestConsole } from '../../packages/console/src/testing/test-console.ts';
import { createChannelClient } from '../../packages/defender/src/console-link/channel-client.ts';
import { type ConsoleLink, startConsoleLink } from '../../packages/defender/src/console-link/console-link.ts';
import type { Outbox } from '../../packages/defender/src/ports.ts';

/** What came of a run. */
export interface ManyResult {
  readonly issued: number;
  readonly inLedger: number;
  readonly inStore: number;
  readonly missing: readonly string[];
  readonly seconds: number;
}

/** An outbox in memory with a fixed number of events: all durable, all sent anew on demand. */
function createFixedOutbox(defenderId: string, count: number): Outbox & { readonly isDone: () => boolean } {
  let acknowledgedSeq = 1;
  const host = { hostname: defenderId };
  return {
    isDone: () => acknowledgedSeq > count,
    state: () => ({ epoch: 1, firstSeq: 1, nextSeq: count + 1, acknowledgedSeq }),
    endedEpochs: () => [],
    readBatch: async (epoch, fromSeq, { maxEvents }) => {
      if (fromSeq > count) return undefined;
      // Small batches make many requests, which is what is tried here.
      const length = Math.min(maxEvents, 20, count - fromSeq + 1);
      const events = Array.from({ length }, (_, index) =>
        Buffer.from(JSON.stringify(anEvent({ defenderId, seq: fromSeq + index, host }))),
      );
      return { epoch, firstSeq: fromSeq, events };
    },
    waitForMore: (_seq, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    acknowledge: async (_epoch, seq) => {
      acknowledgedSeq = seq;
    },
    beginEpoch: async () => {
      throw new Error(`${defenderId} was told to begin a new epoch.`);
    },
  };
}

/** Lets `defenders` Defenders send `eventsEach` while the Console is restarted `restarts` times. */
export async function runManyDefenders(plan: {
  readonly defenders: number;
  readonly eventsEach: number;
  readonly restarts: number;
}): Promise<ManyResult> {
  const startedAt = performance.now();
  let console = await startTestConsole();
  const { port } = new URL(console.running.endpoints.defenderChannel);
  const url = `https://127.0.0.1:${port}`;
  const ids = Array.from({ length: plan.defenders }, (_, index) => `many-${index + 1}`);
  const certificates: ClientCertificate[] = [];
  for (const id of ids) certificates.push(await createDefenderCertificate(console.dataDir, id));
  const outboxes = ids.map((id) => createFixedOutbox(id, plan.eventsEach));
  const links: ConsoleLink[] = [];
  try {
    for (const [index, defenderId] of ids.entries()) {
      const { key = '', cert = '' } = certificates[index] ?? {};
      const outbox = outboxes[index];
      if (outbox === undefined) continue;
      links.push(
        startConsoleLink({
          client: createChannelClient([url], { ca: console.ca, certificate: cert, key }),
          outbox,
          defenderId,
          host: { hostname: defenderId, fqdn: '', cluster: '', accountID: '' },
          rulesVersion: () => 1,
          applyRules: async () => {},
          status: () => ({ conditions: [], engine: { reachable: false } }),
        }),
      );
    }
    const acknowledged = () => outboxes.reduce((sum, outbox) => sum + outbox.state().acknowledgedSeq - 1, 0);
    const all = plan.defenders * plan.eventsEach;
    for (let restart = 1; restart <= plan.restarts; restart++) {
      const goal = (all * restart) / (plan.restarts + 1);
      await until('a part is acknowledged', () => acknowledged() >= goal, { withinMs: 120_000 });
      console = await console.restart({ defenderChannelListen: `127.0.0.1:${port}` });
    }
    await until('all is acknowledged', () => outboxes.every((outbox) => outbox.isDone()), { withinMs: 240_000 });
    await console.indexed();
    const missing: string[] = [];
    let inStore = 0;
    for (const id of ids) {
      const answer = await console.api.send(`/api/v33.01/audits/access?hostname=${id}&limit=1`);
      const found = Number(answer.headers['total-count']);
      inStore += found;
      if (found !== plan.eventsEach) missing.push(`${id}: ${found}`);
    }
    const status = (await console.api.send('/api/dockledger/v1/status')).json<{ ledgerSize: number }>();
    const seconds = (performance.now() - startedAt) / 1000;
    return { issued: all, inLedger: status.ledgerSize, inStore, missing, seconds };
  } finally {
    await Promise.all(links.map((link) => link.close()));
    await console[Symbol.asyncDispose]();
  }
}

/** Sends one prepared batch; for measurements. */
export function toBatchBody(defenderId: string, fromSeq: number, length: number): Buffer {
  const lines = Array.from({ length }, (_, index) => JSON.stringify(anEvent({ defenderId, seq: fromSeq + index })));
  return gzipSync(`${lines.join('\n')}\n`, { level: 1 });
}

/** Headers and path of a batch; for measurements. */
export const batchRequest = (defenderId: string) =>
  ({
    path: channelRoutes.events,
    headers: {
      [protocolHeader]: '1',
      [defenderHeader]: defenderId,
      'content-type': 'application/x-ndjson',
      'content-encoding': 'gzip',
    },
  }) as const;
