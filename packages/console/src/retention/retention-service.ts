// Drops expired payloads: first a tombstone goes on record, then the payloads leave the ledger, then the rows leave the store.
// Envelopes and tiles stay, so that everything still verifies; a crash in between is made good by the next run.
import { setTimeout as delay } from 'node:timers/promises';
import type { EventType } from '@dockledger/contract';
import type { FastifyBaseLogger } from 'fastify';
import type { AccessEventStore } from '../access-events/access-event-store.ts';
import { toTombstone } from '../access-events/erasure-service.ts';
import type { Intake } from '../intake/intake-service.ts';
import type { Ledger } from '../ledger-routes/ledger.ts';
import { type Envelope, parseEnvelope } from '../ledger-routes/ledger-entry.ts';
import { expiringTypes, expiryByType, type RetentionRules } from './retention-rules.ts';

/** What {@link startRetention} needs. */
export interface RetentionParts {
  readonly ledger: Ledger;
  readonly store: AccessEventStore;
  readonly record: Intake['record'];
  readonly indexedSize: () => number;
  readonly rules: RetentionRules;
  readonly now: () => number;
  readonly logger: FastifyBaseLogger;
  /** How often it looks, in milliseconds. Defaults to an hour. */
  readonly everyMs?: number;
}

/** The running retention. */
export interface Retention {
  /** Looks now. Resolves to how many payloads went. */
  run(): Promise<number>;
  /** Stops looking, after a run that is under way. */
  close(): Promise<void>;
}

const blockEntries = 256;
const readAtOnce = 5000;
const lookAgainMs = 50;
const nobody = { username: '', address: '' } as const;

/** Looks once at the start and then now and then. */
export function startRetention(parts: RetentionParts): Retention {
  const { ledger, store, record, indexedSize, rules, now, logger } = parts;
  const stop = new AbortController();
  let running: Promise<number> = Promise.resolve(0);
  /** Below this position nothing can expire any more. */
  let from = 0;
  let expiredOn: string | undefined;

  async function forEachEnvelope(to: number, visit: (envelope: Envelope, index: number) => void): Promise<void> {
    for (let index = from; index < to; ) {
      const envelopes = await ledger.readEnvelopes(index, Math.min(readAtOnce, to - index));
      if (envelopes.length === 0) return;
      for (const [offset, envelope] of envelopes.entries()) visit(parseEnvelope(envelope), index + offset);
      index += envelopes.length;
    }
  }

  /** What is not in the store yet would come back after its erasure. */
  async function untilIndexed(): Promise<number> {
    const size = ledger.size;
    while (indexedSize() < size) await delay(lookAgainMs, undefined, { signal: stop.signal });
    return size;
  }

  async function expireByAge(size: number): Promise<number> {
    const expiry = expiryByType(rules, now());
    const day = [...expiry].join();
    if (expiry.size === 0 || day === expiredOn) return 0;
    const isExpired = ({ type, time }: Envelope) => Date.parse(time) < (expiryOf(expiry, type) ?? 0);
    let to = 0;
    let firstKept: number | undefined;
    await forEachEnvelope(size, (envelope, index) => {
      if (isExpired(envelope)) to = index + 1;
      else if (envelope.type !== 'tombstone') firstKept ??= index;
    });
    let dropped = 0;
    for (const before of new Set(expiry.values())) {
      if (to === 0) break;
      const types = expiringTypes.filter((type) => expiry.get(type) === before);
      dropped += await drop(types, { to, before });
    }
    from = firstKept ?? Math.max(from, to);
    expiredOn = day;
    return dropped;
  }

  async function expireBySize(size: number): Promise<number> {
    if (rules.maxPayloadBytes === 0) return 0;
    const blocks = await ledger.payloadBlockBytes();
    let bytes = blocks.reduce((sum, size) => sum + size, 0);
    let block = 0;
    while (bytes > rules.maxPayloadBytes && block < blocks.length) bytes -= blocks[block++] ?? 0;
    const to = Math.min(block * blockEntries, size);
    return to <= from ? 0 : drop(expiringTypes, { to });
  }

  async function drop(
    types: readonly EventType[],
    { to, before }: { readonly to: number; readonly before?: number },
  ): Promise<number> {
    const isChosen = ({ type, time }: Envelope) =>
      types.some((candidate) => candidate === type) && (before === undefined || Date.parse(time) < before);
    let hasAny = false;
    await forEachEnvelope(to, (envelope) => (hasAny ||= isChosen(envelope)));
    if (!hasAny) return 0;
    const why = before === undefined ? `to stay below ${rules.maxPayloadBytes} bytes` : `from before ${iso(before)}`;
    const details = { types, to, ...(before !== undefined && { before: iso(before) }) };
    await record(toTombstone(nobody, `Dropped expired events of type ${types.join(', ')} ${why}`, details, undefined));
    const { erased } = await ledger.eraseWhere({ from, to }, ({ envelope }) => isChosen(parseEnvelope(envelope)));
    for (const type of types) {
      await store.erase({ type, beforeIndex: to, ...(before !== undefined && { beforeMs: before }) });
    }
    logger.info({ types, to, before, erased }, 'expired payloads were dropped');
    return erased;
  }

  const run = (): Promise<number> => {
    running = running
      .catch(() => 0)
      .then(async () => {
        const size = await untilIndexed();
        return (await expireByAge(size)) + (await expireBySize(size));
      });
    return running;
  };
  const look = () => {
    run().catch((error: unknown) =>
      logger.error({ err: error }, 'expired payloads could not be dropped; trying again'),
    );
  };
  const timer = setInterval(look, parts.everyMs ?? 3_600_000);
  timer.unref();
  look();
  return {
    run,
    close: async () => {
      clearInterval(timer);
      stop.abort();
      await running.catch(() => 0);
    },
  };
}

function expiryOf(expiry: ReadonlyMap<EventType, number>, type: string): number | undefined {
  return expiry.get(type as EventType);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
