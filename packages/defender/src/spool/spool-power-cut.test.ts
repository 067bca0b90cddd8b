import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createForgetfulDisk } from '@dockledger/journal/testing';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { openSpool } from './spool.ts';
import { aRead, aWrite, testHost } from './testing/drafts.ts';
import { readOutbox } from './testing/read-outbox.ts';

const runs = fc.array(
  fc.record({
    steps: fc.array(fc.constantFrom('read', 'write', 'durable write', 'outcome', 'flush', 'pass'), {
      maxLength: 25,
      size: 'max',
    }),
    numbers: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 15, maxLength: 15 }),
  }),
  { minLength: 1, maxLength: 4, size: 'max' },
);

it('has each durable call exactly once over power cuts, doubles nothing, and never changes an event it has handed out', async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (runs) => {
      const directory = await mkdtemp(join(tmpdir(), 'spool-power-'));
      try {
        const options = {
          defenderId: 'd',
          host: testHost,
          mergeWindowMs: 0,
          maxBytes: 1024 * 1024,
          onWarning: () => {},
        };
        const made = new Set<string>();
        const durable = new Set<string>();
        const handedOut = new Map<string, string>();
        let epoch: number | undefined;
        for (const [run, { steps, numbers }] of runs.entries()) {
          const disk = createForgetfulDisk();
          const spool = await openSpool(directory, { ...options, io: disk.io });
          epoch ??= spool.outbox.state().epoch;
          const open: string[] = [];
          for (const [turn, step] of steps.entries()) {
            const name = `${run}-${turn}`;
            if (step === 'read') void spool.recorder.request(aRead(spool.recorder.nextRid(), name));
            else if (step === 'write' || step === 'durable write') {
              const rid = spool.recorder.nextRid();
              open.push(rid);
              const recorded = spool.recorder.request(aWrite(rid, name));
              if (step === 'durable write') {
                await recorded.durable();
                durable.add(name);
              }
            } else if (step === 'outcome') {
              const rid = open.shift();
              if (rid !== undefined) void spool.recorder.outcome(rid, { state: 'done' });
            } else if (step === 'flush') {
              await spool.flush();
              for (const event of await readOutbox(spool.outbox)) handedOut.set(event.id, JSON.stringify(event));
            } else await new Promise((resolve) => setImmediate(resolve));
            if (step === 'read' || step === 'write' || step === 'durable write') made.add(name);
          }
          disk.cutPower();
          await spool.close().catch(() => {});
          let at = 0;
          disk.forget(() => numbers[at++ % numbers.length] ?? 0);
        }
        await using spool = await openSpool(directory, options);
        await spool.flush();
        const events = await readOutbox(spool.outbox);
        const calls = events.filter((event) => event.type === 'docker').map((event) => event.api);
        expect(new Set(calls).size).toBe(calls.length);
        for (const name of calls) expect(made).toContain(name);
        for (const name of durable) expect(calls).toContain(name);
        expect(spool.outbox.state().epoch).toBe(epoch);
        const now = new Map(events.map((event) => [event.id, JSON.stringify(event)]));
        for (const [id, json] of handedOut) expect(now.get(id)).toBe(json);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    }),
    { numRuns: 40 },
  );
}, 30_000);
