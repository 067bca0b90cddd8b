// Erases events for good: first a tombstone goes on record, then salt and payload leave the ledger, then the rows leave the store.
// Envelopes and proofs stay, so the ledger still verifies and says that something was erased, by whom and what kind.
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type AccessEvent, compatibleEventTypes, type EventType } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { ConsoleEvent } from '../intake/intake-service.ts';
import type { Ledger } from '../ledger-routes/ledger.ts';
import { parseEnvelope } from '../ledger-routes/ledger-entry.ts';
import type { AccessEventStore } from './access-event-store.ts';

/** Who erases. Without a name it is the Console's own retention. */
export interface Eraser {
  readonly username: string;
  readonly address: string;
}

/** Erases events. Each call resolves when nothing of the events can be read any more, and is safe to repeat after a crash. */
export interface ErasureService {
  /** Erases one event. Throws `not_found`. */
  eraseOne(id: string, by: Eraser): Promise<void>;
  /** Erases all events of a type, or of all compatible types. Other types are never erased this way: throws `bad_parameter`. */
  eraseAll(type: string | undefined, by: Eraser): Promise<void>;
}

/** What {@link createErasureService} needs. */
export interface ErasureParts {
  readonly ledger: Ledger;
  readonly store: AccessEventStore;
  readonly record: (event: ConsoleEvent) => Promise<AccessEvent>;
  /** Ledger position up to which the store is filled. */
  readonly indexedSize: () => number;
}

const indexedWithinMs = 10_000;

/** Puts the parts together. */
export function createErasureService({ ledger, store, record, indexedSize }: ErasureParts): ErasureService {
  /** An event that is erased from the store before the indexer brings it would come back. */
  async function untilIndexed(size: number): Promise<void> {
    const deadline = Date.now() + indexedWithinMs;
    while (indexedSize() < size) {
      if (Date.now() > deadline)
        throw new AppError('unavailable', 'The event store is behind. Nothing was erased; try again later.');
      await delay(20);
    }
  }

  return {
    eraseOne: async (id, by) => {
      const event = await store.byId(id, { scope: null });
      if (event === undefined) throw new AppError('not_found', 'There is no such event.');
      if (!compatibleEventTypes.includes(event.type))
        throw new AppError('bad_parameter', `Event ${id} is of type ${event.type}, which is never erased.`);
      await record(toTombstone(by, `Erased event ${id}`, { id, ledgerIndexes: [event.ledgerIndex] }, id));
      await ledger.erase([event.ledgerIndex]);
      await store.erase({ id });
    },
    eraseAll: async (type, by) => {
      const types = compatibleEventTypes.filter((candidate) => type === undefined || candidate === type);
      if (types.length === 0) {
        const known = compatibleEventTypes.join(', ');
        throw new AppError('bad_parameter', `Parameter type is "${type?.slice(0, 100)}": only ${known} can be erased.`);
      }
      const to = ledger.size;
      await untilIndexed(to);
      // Outcomes speak of Docker calls only.
      const chosen: readonly EventType[] = types.includes('docker') ? [...types, 'outcome'] : types;
      await record(toTombstone(by, `Erased all events of type ${types.join(', ')}`, { types: chosen, to }, undefined));
      await ledger.eraseWhere({ from: 0, to }, ({ envelope }) =>
        chosen.some((type) => type === parseEnvelope(envelope).type),
      );
      for (const erased of types) await store.erase({ type: erased });
    },
  };
}

/** The event that says why payloads are gone; `details` are what `dockledger verify` goes by. */
export function toTombstone(
  by: Eraser,
  text: string,
  details: Record<string, unknown>,
  ofEvent: string | undefined,
): ConsoleEvent {
  return {
    type: 'tombstone',
    api: by.username === '' ? 'audits_expired' : 'audits_erased',
    decision: { effect: 'allow', rule: '', reason: 'console', text, findings: [] },
    outcome: { state: 'done' },
    actor: { user: by.username, userSource: by.username === '' ? 'unknown' : 'login', sourceIP: by.address },
    target: { kind: 'other' },
    host: { hostname: hostname(), fqdn: '', cluster: '', accountID: '' },
    details,
    ...(ofEvent !== undefined && { ofEvent }),
  };
}
