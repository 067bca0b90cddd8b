// The certificate of the TLS listener: kept with its key in one 0600 file, asked of the Console when it is missing, does not
// cover all names or ends within 30 days. Invariant: the key is made here and never leaves the host.
import { X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { AppError, ServerCertificateAnswer, type ServerCertificateRequest } from '@dockledger/contract';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ListenerCredentials } from './tls-listener.ts';

/** What {@link keepListenerCertificate} needs. */
export interface ListenerCertificateOptions {
  readonly file: string;
  readonly names: readonly string[];
  /** Makes a key and the request for its certificate. */
  readonly createKey: () => { readonly key: string; readonly certificateRequest: string };
  /** Asks the Console; answers the body of its answer. */
  readonly ask: (request: ServerCertificateRequest) => Promise<unknown>;
  readonly onCredentials: (credentials: ListenerCredentials) => void;
  /** Undefined when all is well again. */
  readonly onProblem: (text: string | undefined) => void;
  /** Milliseconds since 1970. Defaults to Date.now. */
  readonly now?: () => number;
}

const Kept = Type.Object({ key: Type.String(), certificate: Type.String(), ca: Type.String() });
type Kept = Static<typeof Kept>;

const renewBeforeMs = 30 * 86_400_000;
const checkEveryMs = 3_600_000;
const retry = { firstMs: 500, mostMs: 30_000 };

/**
 * Gives the credentials as soon as there are some, and again whenever they are renewed. Resolves after the first attempt,
 * whatever came of it. `close` ends the attempts.
 */
export async function keepListenerCertificate(
  options: ListenerCertificateOptions,
): Promise<{ readonly close: () => void }> {
  const now = options.now ?? Date.now;
  let current = await loadKept(options.file);
  if (current !== undefined) options.onCredentials(current);
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const look = async (): Promise<void> => {
    let waitMs = checkEveryMs;
    try {
      if (current === undefined || !lasts(current, options.names, now())) {
        current = await renew(options);
        options.onCredentials(current);
      }
      failures = 0;
      options.onProblem(undefined);
    } catch (error) {
      waitMs = Math.min(retry.mostMs, retry.firstMs * 2 ** failures++);
      options.onProblem(`The certificate of the TLS listener could not be obtained. ${(error as Error).message}`);
    }
    if (isClosed) return;
    timer = setTimeout(() => void look(), waitMs);
    timer.unref();
  };
  await look();
  return {
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

async function loadKept(file: string): Promise<Kept | undefined> {
  try {
    const kept: unknown = JSON.parse(await readFile(file, 'utf8'));
    return Value.Check(Kept, kept) ? kept : undefined;
  } catch {
    // Missing or damaged: a new one is asked for.
    return undefined;
  }
}

function lasts({ certificate }: Kept, names: readonly string[], now: number): boolean {
  const parsed = new X509Certificate(certificate);
  const covers = (name: string) => (isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name)) !== undefined;
  return parsed.validToDate.getTime() - now > renewBeforeMs && names.every(covers);
}

async function renew({ names, createKey, ask, file }: ListenerCertificateOptions): Promise<Kept> {
  const { key, certificateRequest } = createKey();
  const answer = await ask({ certificateRequest, names: [...names] });
  if (!Value.Check(ServerCertificateAnswer, answer)) {
    throw new AppError('unavailable', "The Console's answer is not understood. Update the Defender or the Console.");
  }
  const kept: Kept = { key, certificate: answer.certificate, ca: answer.ca };
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  {
    await using written = await open(`${file}.tmp`, 'w', 0o600);
    await written.chmod(0o600);
    await written.writeFile(JSON.stringify(kept));
    await written.sync();
  }
  await rename(`${file}.tmp`, file);
  return kept;
}
