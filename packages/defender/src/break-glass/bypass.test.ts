import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Actor } from '@dockledger/contract';
import { createTempDir, type TempDir, until } from '@dockledger/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Verdict } from '../ports.ts';
import { type Bypass, judgeLifted, openBypass } from './bypass.ts';

const by: Actor = { user: 'alice', userSource: 'login', uid: 0 };
const denied: Verdict = {
  decision: { effect: 'deny', rule: 'no exec', reason: 'rule', text: 'no', findings: [] },
  audit: true,
};

describe('break-glass', () => {
  let dir: TempDir;
  let wallMs: number;
  let monotonicMs: number;
  let told: string[];
  const opened: Bypass[] = [];
  beforeEach(async () => {
    dir = await createTempDir('dlb-');
    wallMs = 1_000_000;
    monotonicMs = 5;
    told = [];
  });
  afterEach(async () => {
    for (const bypass of opened.splice(0)) bypass.close();
    await dir[Symbol.asyncDispose]();
  });
  const open = async () => {
    const bypass = await openBypass({
      path: join(dir.path, 'bypass.json'),
      onStart: ({ reason }, how) => told.push(`${how}: ${reason}`),
      onEnd: (_bypass, why) => told.push(why),
      onWarning: (text) => told.push(`warning: ${text}`),
      now: () => wallMs,
      monotonic: () => monotonicMs,
    });
    opened.push(bypass);
    return bypass;
  };
  const minutesLater = (minutes: number) => {
    wallMs += minutes * 60_000;
    monotonicMs += minutes * 60_000;
  };

  it('lets a refused call through for its minutes, says who and why, and then refuses again', async () => {
    const bypass = await open();
    expect(judgeLifted(bypass.current(), () => denied)).toEqual(denied);
    await bypass.start({ minutes: 10, reason: 'locked out', by });
    expect(judgeLifted(bypass.current(), () => denied)).toMatchObject({
      decision: {
        effect: 'allow',
        rule: 'Break-glass',
        reason: 'bypass',
        findings: [{ rule: 'no exec', effect: 'deny' }],
      },
    });
    minutesLater(9.9);
    expect(bypass.current()).toMatchObject({ reason: 'locked out', by });
    minutesLater(0.2);
    expect(bypass.current()).toBeUndefined();
    expect(judgeLifted(bypass.current(), () => denied)).toEqual(denied);
  });

  it('is over by itself, and says so once', async () => {
    const bypass = await openBypass({
      path: join(dir.path, 'bypass.json'),
      onStart: () => {},
      onEnd: (_bypass, why) => told.push(why),
      onWarning: (text) => told.push(text),
    });
    opened.push(bypass);
    await bypass.start({ minutes: 0.001, reason: 'short', by });
    await until('it is over', () => told.length > 0 && !existsSync(join(dir.path, 'bypass.json')));
    await bypass.end(by);
    expect(told).toEqual(['expired']);
  });

  it('goes on after a restart until its end, and not longer', async () => {
    const first = await open();
    await first.start({ minutes: 10, reason: 'why', by });
    first.close();
    minutesLater(6);
    const second = await open();
    expect(second.current()).toBeDefined();
    minutesLater(4.1);
    expect(second.current()).toBeUndefined();
    second.close();
    const third = await open();
    expect(third.current()).toBeUndefined();
    expect(told).toEqual(['started: why', 'resumed: why', 'expired']);
  });

  it('is no longer than asked for when the clock is set back', async () => {
    const first = await open();
    await first.start({ minutes: 10, reason: 'why', by });
    wallMs -= 3_600_000;
    monotonicMs += 601_000;
    expect(first.current()).toBeUndefined();
    first.close();
    const second = await open();
    monotonicMs += 601_000;
    expect(second.current()).toBeUndefined();
  });

  it('lets nothing through that a damaged file says', async () => {
    await writeFile(join(dir.path, 'bypass.json'), '{"until": 99999999999999}');
    const bypass = await open();
    expect(bypass.current()).toBeUndefined();
    expect(told).toEqual([expect.stringContaining('damaged')]);
  });

  it.each([
    [{ minutes: 0, reason: 'x' }],
    [{ minutes: 1441, reason: 'x' }],
    [{ minutes: '10', reason: 'x' }],
    [{ minutes: 10, reason: ' ' }],
    [{ minutes: Number.NaN, reason: 'x' }],
  ])('refuses %j and changes nothing', async (wish) => {
    const bypass = await open();
    await expect(bypass.start({ ...wish, by })).rejects.toMatchObject({ code: 'bad_parameter' });
    expect(existsSync(join(dir.path, 'bypass.json'))).toBe(false);
  });

  it('is on disk before it is in force', async () => {
    const bypass = await open();
    const starting = bypass.start({ minutes: 1, reason: 'x', by });
    expect(bypass.current()).toBeUndefined();
    await starting;
    expect(JSON.parse(await readFile(join(dir.path, 'bypass.json'), 'utf8'))).toMatchObject({ reason: 'x' });
  });

  it('records every call while it lasts, and lets nobody be locked out by a judge that fails', async () => {
    const bypass = await open();
    await bypass.start({ minutes: 1, reason: 'x', by });
    const quiet: Verdict = { decision: { ...denied.decision, effect: 'allow' }, audit: false };
    expect(judgeLifted(bypass.current(), () => quiet).audit).toBe(true);
    const failing = () => {
      throw new Error('broken');
    };
    expect(judgeLifted(bypass.current(), failing).decision).toMatchObject({ effect: 'allow', reason: 'bypass' });
    expect(() => judgeLifted(undefined, failing)).toThrow('broken');
  });
});
