// How the Console is: alive, ready, and in what condition. Ready means: events are accepted and what was accepted can be read.
import type { Condition } from '@dockledger/contract';
import type { Indexer } from '../indexer/indexer.ts';
import type { Ledger } from '../ledger-routes/ledger.ts';

/** Facts about the running Console. */
export interface Health {
  readonly isReady: boolean;
  readonly ledgerSize: number;
  readonly indexedSize: number;
  /** What an administrator should know. Empty when all is well. */
  readonly conditions: readonly Condition[];
}

/** What {@link createHealth} looks at. */
export interface HealthParts {
  readonly ledger: Pick<Ledger, 'size'>;
  readonly indexer: Pick<Indexer, 'indexedSize' | 'failure'>;
  readonly now: () => number;
}

/** Tells how things are at the moment of each call. */
export function createHealth({ ledger, indexer, now }: HealthParts): () => Health {
  let failingSince: string | undefined;
  return () => {
    const { failure } = indexer;
    failingSince = failure === undefined ? undefined : (failingSince ?? new Date(now()).toISOString());
    const conditions: Condition[] =
      failingSince === undefined
        ? []
        : [
            {
              name: 'event-store-unavailable',
              text: `The event store takes no events; the ledger keeps them. ${ledger.size - indexer.indexedSize} wait to be indexed.`,
              since: failingSince,
            },
          ];
    return {
      isReady: failingSince === undefined,
      ledgerSize: ledger.size,
      indexedSize: indexer.indexedSize,
      conditions,
    };
  };
}
