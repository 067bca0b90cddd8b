import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClickHouseClient } from '../storage/clickhouse/clickhouse-connection.ts';
import { type EventEngine, type EventEngineState, startEventEngine } from './event-engine.ts';

let dataDir: string;
let engine: EventEngine;
let client: ClickHouseClient;

function clientOf(target: EventEngine, password = target.secret): ClickHouseClient {
  return createClickHouseClient({
    socketPath: target.socketPath,
    username: 'console',
    password,
    database: 'dockledger',
  });
}

async function rows<T>(query: string, query_params: Record<string, unknown> = {}): Promise<T[]> {
  const answer = await client.query({ query, query_params, format: 'JSONEachRow' });
  return await answer.json<T>();
}

/** False also for a process that has ended and only waits to be reaped. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z ');
  return !stat.includes(') Z ');
}

function whenReady(target: EventEngine): Promise<EventEngineState> {
  return new Promise((resolve) => {
    const end = target.onState((state) => {
      if (state.state !== 'ready') return;
      end();
      resolve(state);
    });
  });
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'dl-engine-'));
  engine = await startEventEngine({ dataDir, limits: { maxQueryMemoryBytes: 100 * 1024 ** 2 } });
  client = clientOf(engine);
  await client.command({ query: 'CREATE TABLE t (n Int64, s String) ENGINE = MergeTree ORDER BY n' });
}, 20_000);

afterAll(async () => {
  await client.close();
  await engine.stop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the embedded event engine', () => {
  it('answers ping and tells its state', async () => {
    expect(await client.ping()).toMatchObject({ success: true });
    expect(engine.state).toMatchObject({ state: 'ready' });
  });

  it('keeps its socket in a directory that only its owner may enter', async () => {
    expect((await stat(join(dataDir, 'run'))).mode & 0o777).toBe(0o700);
  });

  it('refuses a wrong secret with code 516', async () => {
    await using stranger = clientOf(engine, 'wrong');
    await expect(stranger.query({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516' });
  });

  it('binds every value as it is, whatever characters it holds', async () => {
    const values = [`'`, `\\`, `\\'`, `a\tb\nc\rd`, `'; DROP TABLE t --`, '\u0000', '{n:Int64}', '%_', '\u{1F40B}', ''];
    for (const value of values) {
      expect(await rows('SELECT {v:String} AS v, {l:Array(String)} AS l', { v: value, l: [value] })).toEqual([
        { v: value, l: [value] },
      ]);
    }
  });

  it('inserts rows and reads them back', async () => {
    await client.insert({
      table: 't',
      values: [
        { n: 1, s: 'a\n\nb' },
        { n: 2, s: '; SELECT 1' },
      ],
      format: 'JSONEachRow',
    });
    expect(await rows('SELECT s FROM t WHERE n IN (1, 2) ORDER BY n')).toEqual([{ s: 'a\n\nb' }, { s: '; SELECT 1' }]);
  });

  it.each([
    ['a blank line', '{"n":10,"s":"x"}\n\nINSERT INTO t VALUES (666, \'injected\')', '117'],
    ['a blank line with spaces', '{"n":10,"s":"x"}\n \t\nINSERT INTO t VALUES (666, \'injected\')', '117'],
    ['a blank first line', "\nINSERT INTO t VALUES (666, 'injected')", '117'],
    ['a blank line in a row', '{"n":\n\n10,"s":"x"}', '117'],
    ['a statement behind a row', '{"n":10,"s":"x"}; INSERT INTO t FORMAT JSONEachRow {"n":666,"s":"x"}', '27'],
  ])('never runs inserted data as a statement: %s', async (_, payload, code) => {
    const values = Readable.from([payload]);
    await expect(client.exec({ query: 'INSERT INTO t FORMAT JSONEachRow', values })).rejects.toMatchObject({ code });
    expect(await rows('SELECT n FROM t WHERE n >= 10')).toEqual([]);
  });

  it('gives a reader neither files nor writes nor other settings', async () => {
    await expect(client.query({ query: `SELECT * FROM file('/etc/passwd', 'LineAsString')` })).rejects.toMatchObject({
      code: '164',
    });
    const file = join(dataDir, 'written');
    await expect(client.query({ query: `SELECT 1 INTO OUTFILE '${file}'` })).rejects.toMatchObject({ code: '164' });
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(client.query({ query: 'SELECT 1', clickhouse_settings: { readonly: '0' } })).rejects.toMatchObject({
      code: '115',
    });
  });

  it("answers errors with ClickHouse's codes", async () => {
    await expect(client.query({ query: 'SELECT FROM WHERE' })).rejects.toMatchObject({ code: '62' });
    await expect(client.query({ query: 'SELECT * FROM absent' })).rejects.toMatchObject({ code: '60' });
  });

  it('tells an error in the middle of a stream', async () => {
    const answer = await client.query({
      query: `SELECT throwIf(number = 300000, 'late') AS x FROM numbers(1000000)`,
      clickhouse_settings: { max_block_size: '1000' },
      format: 'JSONEachRow',
    });
    await expect(answer.json()).rejects.toMatchObject({ code: '395' });
  });

  it('ends a read that takes longer than it may with code 159', async () => {
    await expect(
      client.query({
        query: 'SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1',
        clickhouse_settings: { max_execution_time: 1 },
      }),
    ).rejects.toMatchObject({ code: '159' });
  });

  it('fails a read that needs more memory than it may have with code 241, and lives', async () => {
    await expect(
      client.query({
        query: 'SELECT groupArray(number) FROM numbers(100000000)',
        clickhouse_settings: { max_execution_time: 20 },
      }),
    ).rejects.toMatchObject({ code: '241' });
    expect(await client.ping()).toMatchObject({ success: true });
  });

  it('ends the read in the engine when its client leaves', async () => {
    const leaving = new AbortController();
    const read = client.query({
      query: 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 42',
      abort_signal: leaving.signal,
    });
    const running = `SELECT count() AS c FROM system.processes WHERE query LIKE '%sipHash64(number) = 42%' AND query NOT LIKE '%processes%'`;
    await expect.poll(() => rows(running), { timeout: 5000 }).toEqual([{ c: 1 }]);
    leaving.abort();
    await expect(read).rejects.toThrow();
    await expect.poll(() => rows(running), { timeout: 5000 }).toEqual([{ c: 0 }]);
  });

  it('comes back by itself after kill -9, at the same address with the same secret and data', async () => {
    const { state } = engine;
    if (state.state !== 'ready') throw new Error('not ready');
    const ready = whenReady(engine);
    process.kill(state.pid, 'SIGKILL');
    expect(await ready).toMatchObject({ state: 'ready' });
    expect(await rows('SELECT count() AS c FROM t')).toEqual([{ c: 2 }]);
  });

  it('is ended and started anew when it hangs', async () => {
    await using other = await startEventEngine({ dataDir: join(dataDir, 'hanging'), pingEveryMs: 50 });
    const { state } = other;
    if (state.state !== 'ready') throw new Error('not ready');
    const ready = whenReady(other);
    process.kill(state.pid, 'SIGSTOP');
    expect(await ready).not.toEqual(state);
  });

  it('does not outlive its Console', async () => {
    const program = `
      const { startEventEngine } = await import(${JSON.stringify(new URL('./event-engine.ts', import.meta.url).href)});
      const engine = await startEventEngine({ dataDir: ${JSON.stringify(join(dataDir, 'orphan'))} });
      console.log(engine.state.pid);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
    owner.kill('SIGKILL');
    await expect.poll(() => isRunning(Number(line)), { timeout: 5000 }).toBe(false);
  });

  it('waits for an older engine to leave the directory, but not for ever', async () => {
    const older = await startEventEngine({ dataDir: join(dataDir, 'held') });
    await expect(startEventEngine({ dataDir: join(dataDir, 'held'), startTimeoutMs: 500 })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    await using reader = clientOf(older);
    expect(await reader.ping()).toMatchObject({ success: true });
    const newer = startEventEngine({ dataDir: join(dataDir, 'held') });
    await older.stop();
    await using taken = await newer;
    expect(taken.state).toMatchObject({ state: 'ready' });
  });

  it('says why it does not start', async () => {
    await expect(startEventEngine({ dataDir: '/dev/null/nowhere', startTimeoutMs: 3000 })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
  });

  it('stops while a read is running, within its grace', async () => {
    await using other = await startEventEngine({
      dataDir: join(dataDir, 'x'.repeat(90)),
      limits: { stopGraceMs: 200 },
    });
    expect(other.socketPath.length).toBeLessThan(108);
    await using reader = clientOf(other);
    const read = reader.query({ query: 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1' });
    const outcome = expect(read).rejects.toThrow();
    await reader.query({ query: 'SELECT 1' });
    const begun = performance.now();
    await other.stop();
    expect(performance.now() - begun).toBeLessThan(2500);
    expect(other.state).toEqual({ state: 'stopped' });
    await outcome;
  });
});
