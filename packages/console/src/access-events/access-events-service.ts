// Answers questions about access events for somebody who is signed in: their scope is put into every filter here,
// so that no route can forget it.
import { type StoredAccessEvent } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { AccessEventColumn } from './access-event-columns.ts';
import type { AccessEventFilter } from './access-event-filter.ts';
import type { AccessEventPosition, AccessEventStore, ReadOptions } from './access-event-store.ts';
import { type CompatibleQuery, resolveCommas } from './compatible-query.ts';
import type { CursorPosition } from './native-query.ts';

/** What limits a reader: the names of their collections, or null for no limit. */
export type Scope = readonly string[] | null;

/** The questions that both APIs ask. */
export interface AccessEventsService {
  /** The store, for reads whose filter carries the scope already. */
  readonly store: AccessEventStore;
  /** The filter of a compatible query, commas resolved. */
  toFilter(query: CompatibleQuery, scope: Scope, options?: ReadOptions): Promise<AccessEventFilter>;
  /** One page by offset and the number of all matches. */
  pageAndCount(
    filter: AccessEventFilter,
    query: Pick<CompatibleQuery, 'sort' | 'offset' | 'limit'>,
    options?: ReadOptions,
  ): Promise<{ readonly events: readonly StoredAccessEvent[]; readonly total: number }>;
  /**
   * The full place of a cursor that has no number in the ledger. When its event is gone meanwhile, the place before all
   * events of the same millisecond: a page may then repeat one, never skip one.
   */
  place(
    cursor: CursorPosition,
    scope: Scope,
    order: 'newest' | 'oldest',
    options?: ReadOptions,
  ): Promise<AccessEventPosition>;
  /** One event. Throws `not_found`, also when the scope hides it. */
  event(id: string, scope: Scope, options?: ReadOptions): Promise<StoredAccessEvent>;
}

/** The service over a store. */
export function createAccessEventsService(store: AccessEventStore): AccessEventsService {
  return {
    store,
    toFilter: async (query, scope, options) => {
      const include = await resolveCommas(query.values, async (column, value) =>
        isOnRecord(store, column, value, scope, options),
      );
      return {
        scope,
        include,
        ...(query.fromMs !== undefined && { fromMs: query.fromMs }),
        ...(query.toMs !== undefined && { toMs: query.toMs }),
        ...(query.allow !== undefined && { allow: query.allow }),
        ...(query.text !== undefined && { text: query.text }),
      };
    },
    pageAndCount: async (filter, { sort, offset, limit }, options) => {
      const [events, total] = await Promise.all([
        store.page(filter, { sort, offset, limit }, options),
        store.count(filter, options),
      ]);
      // An event that arrived between the two reads: the count may never be below what the page shows.
      return { events, total: Math.max(total, events.length === 0 ? 0 : offset + events.length) };
    },
    place: async ({ timeMs, ledgerIndex, id }, scope, order, options) => {
      if (ledgerIndex !== null) return { timeMs, ledgerIndex, id };
      const event = await store.byId(id, { scope }, options);
      if (event !== undefined) return { timeMs, ledgerIndex: event.ledgerIndex, id };
      return order === 'newest'
        ? { timeMs, ledgerIndex: Number.MAX_SAFE_INTEGER, id: '' }
        : { timeMs: timeMs - 1, ledgerIndex: Number.MAX_SAFE_INTEGER, id: '' };
    },
    event: async (id, scope, options) => {
      const event = await store.byId(id, { scope }, options);
      if (event === undefined)
        throw new AppError('not_found', 'There is no such event, or it is not among those you may see.');
      return event;
    },
  };
}

async function isOnRecord(
  store: AccessEventStore,
  column: AccessEventColumn | 'collections',
  value: string,
  scope: Scope,
  options: ReadOptions | undefined,
): Promise<boolean> {
  const found = await store.page({ scope, include: { [column]: [value] } }, { limit: 1 }, options);
  return found.length > 0;
}
