import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import type { SourceRecord } from '../ports.ts';
import { openSpool, type Spool } from './spool.ts';

const record = (n: number): SourceRecord => ({
  draft: {
    type: 'sshd',
    api: 'login',
    time: '2026-11-23T10:00:00.000Z',
    decision: { effect: 'allow', rule: '', reason: 'host-log', text: `line ${n} ${'x'.repeat(2000)}`, findings: [] },
    actor: { user: `u${n}`, userSource: 'log' },
    target: {},
    provenance: 'file',
  },
  outcome: { state: 'done' },
});

const host = { hostname: 'h', fqdn: '', cluster: '', accountID: '' };
const open = (directory: string): Promise<Spool> =>
  openSpool(directory, { defenderId: 'd', host, mergeWindowMs: 0, maxBytes: 8 * 1024 * 1024 });

describe('how far a source was read', () => {
  it('is what the raw log says at the moment of a crash', async () => {
    await using dir = await createTempDir();
    const spool = await open(join(dir.path, 'a'));
    expect(spool.sources.position('log')).toBeUndefined();
    for (let n = 1; n <= 5; n++) expect(spool.sources.record('log', { at: n }, [record(n)])).toBe(true);
    spool.sources.record('other', { at: 1 }, [record(6)]);
    // What a killed process leaves behind: the files as they are, its lock excepted.
    await cp(join(dir.path, 'a'), join(dir.path, 'b'), { recursive: true, filter: (path) => !path.endsWith('lock') });
    await spool.close();
    const next = await open(join(dir.path, 'b'));
    expect(next.sources.position('log')).toEqual({ at: 5 });
    expect(next.sources.position('other')).toEqual({ at: 1 });
    await next.close();
  });

  it('outlives the records that told it', async () => {
    await using dir = await createTempDir();
    const spool = await open(dir.path);
    spool.sources.record('quiet', { at: 7 }, [record(0)]);
    for (let n = 1; n <= 600; n++) {
      await until('there is room', () => spool.sources.record('busy', { at: n }, [record(n)]));
      if (n % 100 === 0) await spool.flush();
    }
    const { epoch, nextSeq } = spool.outbox.state();
    await spool.outbox.acknowledge(epoch, nextSeq);
    await spool.close();
    const next = await open(dir.path);
    expect(next.sources.position('quiet')).toEqual({ at: 7 });
    expect(next.sources.position('busy')).toEqual({ at: 600 });
    await next.close();
  });

  it('is kept for lines that made no record', async () => {
    await using dir = await createTempDir();
    const spool = await open(dir.path);
    spool.sources.record('log', { at: 3 }, []);
    await spool.close();
    const next = await open(dir.path);
    expect(next.sources.position('log')).toEqual({ at: 3 });
    await next.close();
  });

  it('never becomes part of an event', async () => {
    await using dir = await createTempDir();
    const spool = await open(dir.path);
    spool.sources.record('log', { secretPlace: 1 }, [record(1)]);
    await spool.flush();
    const { epoch, firstSeq } = spool.outbox.state();
    const batch = await spool.outbox.readBatch(epoch, firstSeq, { maxBytes: 1_000_000, maxEvents: 10 });
    const text = Buffer.concat(batch?.events.map((event) => Buffer.from(event)) ?? []).toString();
    expect(text).toContain('line 1');
    expect(text).not.toContain('secretPlace');
    await spool.close();
  });
});
