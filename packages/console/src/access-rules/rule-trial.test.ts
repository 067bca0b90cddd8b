import type { AccessRule, StoredAccessEvent } from '@dockledger/contract';
import { describe, expect, it } from 'vitest';
import { anEvent, type EventOverrides } from '../testing/an-event.ts';
import { tryRules } from './rule-trial.ts';

const allowAll: AccessRule = { name: 'rest', effect: 'allow' };

function stored(seq: number, overrides: EventOverrides): StoredAccessEvent {
  const time = new Date(Date.parse('2026-11-23T10:00:00Z') - seq * 1000).toISOString();
  return { ...anEvent({ seq, time, ...overrides }), ledgerIndex: seq, receivedAt: time, collections: ['All'] };
}

async function* eventsOf(...overrides: readonly EventOverrides[]) {
  yield* overrides.map((each, index) => stored(index + 1, each));
}

const attempt = (draft: readonly AccessRule[], events: AsyncIterable<StoredAccessEvent>, more = {}) =>
  tryRules({ inForce: [allowAll], draft, collections: [], events, now: () => 0, ...more });

const exec: EventOverrides = { api: 'container_exec_create' };

describe('a draft tried on recorded calls', () => {
  it('says how many calls it would refuse that the rules in force allow, and whose', async () => {
    const draft: AccessRule[] = [
      { name: 'no-exec', effect: 'deny', action: ['container_exec*'], principal: ['alice', 'bob'] },
      allowAll,
    ];
    const trial = await attempt(
      draft,
      eventsOf(exec, { ...exec, count: 3, actor: { user: 'bob' } }, { ...exec, actor: { user: 'carol' } }, {}),
    );
    expect(trial).toMatchObject({
      calls: 6,
      isWhole: true,
      newlyRefused: 4,
      newlyAllowed: 0,
      personsRefused: [
        { user: 'bob', calls: 3 },
        { user: 'alice', calls: 1 },
      ],
      rules: [
        { name: 'no-exec', calls: 4, refused: 4 },
        { name: 'rest', calls: 2, refused: 0 },
      ],
    });
    expect(trial.changed.map(({ user, ruleBefore, ruleAfter }) => [user, ruleBefore, ruleAfter])).toEqual([
      ['alice', 'rest', 'no-exec'],
      ['bob', 'rest', 'no-exec'],
    ]);
  });

  it('judges a rule by uid, group, collection and mounted host path as the Defender does', async () => {
    const create = (summary: Record<string, unknown>): EventOverrides => ({
      api: 'container_create',
      request: { method: 'POST', route: '/containers/create', summary },
    });
    const events = () =>
      eventsOf(
        { actor: { user: 'x', loginUid: 1000 } },
        { actor: { user: 'y', groups: ['ops'] } },
        { target: { imageName: 'postgres:17' } },
        create({ Binds: ['/etc:/host:ro'] }),
        create({ Binds: ['/srv/data:/data'] }),
      );
    const refusedBy = async (rule: Omit<AccessRule, 'name'>) => {
      const collections = [{ name: 'databases', images: ['postgres*'] }];
      const trial = await attempt([{ name: 'r', ...rule }, allowAll], events(), { collections });
      return trial.newlyRefused;
    };
    expect(await refusedBy({ effect: 'deny', principal: ['uid:1000'] })).toBe(1);
    expect(await refusedBy({ effect: 'deny', group: ['ops'] })).toBe(1);
    expect(await refusedBy({ effect: 'deny', collections: ['databases'] })).toBe(1);
    expect(await refusedBy({ effect: 'allow', action: ['container_create'], condition: { device: '/srv/*' } })).toBe(1);
  });

  it('leaves out what no access rule judged', async () => {
    const trial = await attempt(
      [{ name: 'none', effect: 'deny' }],
      eventsOf(
        { type: 'sudo', api: 'sudo docker ps', decision: { reason: 'host-log', rule: '' } },
        { decision: { effect: 'deny', reason: 'malformed', rule: '' } },
        { api: 'create', decision: { effect: 'deny', reason: 'compliance', rule: 'cis' } },
      ),
    );
    expect(trial).toMatchObject({ calls: 0, newlyRefused: 0 });
  });

  it('stops at its bound and says from where on the calls were judged', async () => {
    const trial = await attempt([allowAll], eventsOf({}, {}, {}), { mostEvents: 2 });
    expect(trial).toMatchObject({ calls: 2, isWhole: false, oldestTime: '2026-11-23T09:59:58.000Z' });
  });

  it('counts what an alert rule would note, and goes on', async () => {
    const trial = await attempt(
      [{ name: 'watch', effect: 'alert', action: ['container_exec*'] }, allowAll],
      eventsOf(exec, {}),
    );
    expect(trial).toMatchObject({
      newlyRefused: 0,
      rules: [
        { name: 'watch', calls: 1, refused: 0, persons: [{ user: 'alice', calls: 1 }] },
        { name: 'rest', calls: 2 },
      ],
    });
  });
});
