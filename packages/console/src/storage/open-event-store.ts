// Opens the event store that the settings name: the embedded engine, a ClickHouse by URL, or memory.
import { join } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';
import type { AccessEventStore } from '../access-events/access-event-store.ts';
import { engineDatabase, engineUser } from '../event-engine/engine-protocol.ts';
import { startEventEngine } from '../event-engine/event-engine.ts';
import { openClickHouseAccessEventStore } from './clickhouse/clickhouse-access-event-store.ts';
import { MemoryAccessEventStore } from './memory/memory-access-event-store.ts';

/** An opened store and what ends it, its engine included. */
export interface OpenedEventStore {
  readonly store: AccessEventStore;
  close(): Promise<void>;
}

/** Opens it. Throws `store_unavailable` when it does not answer, `bad_setting` for a name that is none of the three. */
export async function openEventStore(setting: string, dataDir: string): Promise<OpenedEventStore> {
  if (setting === 'memory') {
    const store = new MemoryAccessEventStore();
    return { store, close: () => store.close() };
  }
  if (/^https?:\/\//.test(setting)) {
    const store = await openClickHouseAccessEventStore({ url: setting, database: 'default' });
    return { store, close: () => store.close() };
  }
  if (setting !== 'embedded') {
    throw new AppError(
      'bad_setting',
      `Setting eventStore is "${setting}": it must be embedded, memory or an http(s) URL of ClickHouse.`,
    );
  }
  const engine = await startEventEngine({ dataDir: join(dataDir, 'events') });
  try {
    const { socketPath, secret } = engine;
    const store = await openClickHouseAccessEventStore({
      socketPath,
      username: engineUser,
      password: secret,
      database: engineDatabase,
    });
    return {
      store,
      close: async () => {
        await store.close();
        await engine.stop();
      },
    };
  } catch (error) {
    await engine.stop();
    throw error;
  }
}
