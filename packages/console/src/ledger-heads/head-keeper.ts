// Sends the newest checkpoint to every place of the settings, now and then while the ledger grows, and once more at the end.
// A place that is away gets the newest one later: a newer head says everything that an older one said.
import { join } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';
import { formatAddCheckpoint } from '@dockledger/ledger';
import type { FastifyBaseLogger } from 'fastify';
import type { ReadLedgerFile } from '../ledger-routes/ledger.routes.ts';
import type { LedgerProofs } from '../ledger-routes/ledger.ts';
import { writeFileDurably } from '../storage/durable-file.ts';
import { formatHeadTarget, type HeadTarget } from './head-target.ts';
import { appendHead, postHead, sendHeadToSyslog } from './send-head.ts';

/** What {@link startHeadKeeper} needs. */
export interface HeadKeeperParts {
  readonly targets: readonly HeadTarget[];
  readonly proofs: Pick<LedgerProofs, 'consistencyProof' | 'publishNow'>;
  readonly readFile: ReadLedgerFile;
  /** Where notes with a witness's signature are kept. */
  readonly directory: string;
  /** PEM that is trusted for webhooks and witnesses; the system's authorities when undefined. */
  readonly ca: string | undefined;
  readonly everyMs: number;
  readonly now: () => number;
  readonly logger: FastifyBaseLogger;
}

/** The running keeper. */
export interface HeadKeeper {
  /** Sends what is new now. Resolves to the places that did not take it. */
  send(): Promise<readonly string[]>;
  /** Sends the last head and stops. */
  close(): Promise<void>;
}

/** Starts it. Without targets it does nothing. */
export function startHeadKeeper(parts: HeadKeeperParts): HeadKeeper {
  const { targets, proofs, readFile, directory, ca, now, logger } = parts;
  /** The size that each place has. */
  const sizes = new Map<HeadTarget, number>();
  const witnessed = new Map<HeadTarget, number>();
  let running: Promise<readonly string[]> = Promise.resolve([]);

  async function addToWitness(target: HeadTarget & { kind: 'witness' }, note: string, size: number): Promise<void> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const oldSize = witnessed.get(target) ?? 0;
      const proof = oldSize === 0 || oldSize === size ? [] : await proofs.consistencyProof(oldSize, size);
      const body = formatAddCheckpoint({ oldSize, proof, note: Buffer.from(note) });
      const answer = await postHead(`${target.url}/add-checkpoint`, body, { type: 'text/plain; charset=utf-8', ca });
      if (answer.status === 200) {
        witnessed.set(target, size);
        const name = `witnessed-${new URL(target.url).host.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`;
        await writeFileDurably(join(directory, name), note + answer.body, 0o644);
        return;
      }
      const known = Number(answer.body.trim());
      if (answer.status !== 409 || !Number.isSafeInteger(known))
        throw new AppError('unavailable', `The witness answers ${answer.status}: ${answer.body.slice(0, 300)}`);
      if (known > size) {
        throw new AppError(
          'forked',
          `The witness knows this ledger at size ${known}, but it has only ${size} entries now.`,
        );
      }
      witnessed.set(target, known);
    }
    throw new AppError('unavailable', 'The witness names another size each time.');
  }

  async function sendTo(target: HeadTarget, note: string, size: number): Promise<void> {
    switch (target.kind) {
      case 'file':
        return appendHead(target.path, note);
      case 'syslog':
        return sendHeadToSyslog(target.host, target.port, note, new Date(now()));
      case 'witness':
        return addToWitness(target, note, size);
      case 'webhook': {
        const answer = await postHead(target.url, Buffer.from(note), { type: 'text/plain; charset=utf-8', ca });
        if (answer.status < 200 || answer.status > 299)
          throw new AppError('unavailable', `It answers ${answer.status}: ${answer.body.slice(0, 300)}`);
      }
    }
  }

  async function sendNow(): Promise<readonly string[]> {
    const note = Buffer.from((await readFile('checkpoint')) ?? []).toString();
    const size = Number(note.split('\n')[1]);
    const failed: string[] = [];
    for (const target of targets) {
      if (sizes.get(target) === size) continue;
      try {
        await sendTo(target, note, size);
        sizes.set(target, size);
      } catch (error) {
        failed.push(formatHeadTarget(target));
        const isFork = error instanceof AppError && error.code === 'forked';
        const where = { err: error, target: formatHeadTarget(target), size };
        // Only a fork asks for a person: everything else is tried again by itself.
        if (isFork) logger.error(where, 'the ledger is not the one that this place has seen');
        else logger.warn(where, 'the checkpoint could not be sent; trying again');
      }
    }
    return failed;
  }

  const send = (): Promise<readonly string[]> => (running = running.then(sendNow, sendNow));
  const timer = setInterval(() => void send(), parts.everyMs);
  timer.unref();
  return {
    send,
    close: async () => {
      clearInterval(timer);
      if (targets.length === 0) return;
      await proofs.publishNow();
      await send();
    },
  };
}
