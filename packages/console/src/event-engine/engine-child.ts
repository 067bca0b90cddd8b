// The engine child: opens the data directory with chdb and serves it on a unix socket until SIGTERM or until its parent's pipe closes.
// It never outlives its parent, and running statements never hold up its end beyond the grace.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type EngineChildReport,
  type EngineChildSettings,
  type EngineLimits,
  engineDatabase,
} from './engine-protocol.ts';
import { createEngineServer } from './engine-server.ts';

const input = createInterface({ input: process.stdin });
input.once('line', (line) => {
  serve(JSON.parse(line) as EngineChildSettings).catch((error: unknown) => {
    report({ ready: false, error: error instanceof Error ? error.message : String(error) });
    endNow();
  });
});
// Before the settings came there is nothing to end but the process itself.
let stop = (): void => endNow();
process.stdin.once('end', () => stop());
process.stdin.once('error', () => stop());
process.once('SIGTERM', () => stop());
// Ctrl-C reaches the whole process group; the Console ends its children itself, in order.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);

async function serve(settings: EngineChildSettings): Promise<void> {
  const { Session } = await import('chdb').catch((error: unknown) => {
    throw new Error(
      'The embedded event store needs the npm package "chdb", which is not installed for this platform.',
      {
        cause: error,
      },
    );
  });
  await mkdir(settings.dataDir, { recursive: true, mode: 0o700 });
  const configFile = join(settings.dataDir, 'engine.xml');
  await writeFile(configFile, toEngineConfig(settings.limits), { mode: 0o600 });
  const store = join(settings.dataDir, 'store');
  const first = new Session(store, { connectionArgs: [`--config-file=${configFile}`] });
  await first.queryAsync(`CREATE DATABASE IF NOT EXISTS ${engineDatabase} ENGINE = Atomic`);

  const server = createEngineServer(settings, () => new Session(store));
  // A socket left by a child that was killed; the lock on the data directory says that no other serves it.
  await rm(settings.socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: settings.socketPath }, resolve);
  });
  stop = (): void => {
    stop = endNow;
    setTimeout(endNow, settings.limits.stopGraceMs).unref();
    server.close(() => {
      first.close();
      endNow();
    });
    server.closeIdleConnections();
  };
  report({ ready: true });
}

/** process.exit would wait for running statements, for as long as they take. */
function endNow(): void {
  process.kill(process.pid, 'SIGKILL');
}

function report(message: EngineChildReport): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function toEngineConfig(limits: EngineLimits): string {
  const cacheBytes = Math.floor(limits.maxServerMemoryBytes / 8);
  return `<clickhouse>
  <max_server_memory_usage>${limits.maxServerMemoryBytes}</max_server_memory_usage>
  <mark_cache_size>${cacheBytes}</mark_cache_size>
  <index_mark_cache_size>${Math.floor(cacheBytes / 4)}</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <query_cache><max_size_in_bytes>0</max_size_in_bytes></query_cache>
  <mmap_cache_size>100</mmap_cache_size>
  <background_pool_size>4</background_pool_size>
</clickhouse>
`;
}
