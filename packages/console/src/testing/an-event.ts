// Builds access events for tests: only what matters to the test is given.
import { type AccessEvent, toEventId } from '@dockledger/contract';

/** What a test may set; nested parts are merged. */
export type EventOverrides = Partial<Omit<AccessEvent, 'actor' | 'target' | 'host' | 'decision' | 'outcome'>> & {
  readonly actor?: Partial<AccessEvent['actor']>;
  readonly target?: Partial<AccessEvent['target']>;
  readonly host?: Partial<AccessEvent['host']>;
  readonly decision?: Partial<AccessEvent['decision']>;
  readonly outcome?: Partial<AccessEvent['outcome']>;
};

/** An allowed `container_list` by alice, with the given differences. The id follows the number. */
export function anEvent(overrides: EventOverrides = {}): AccessEvent {
  const { actor, target, host, decision, outcome, ...rest } = overrides;
  const { defenderId = 'host-1', epoch = 1, seq = 1 } = rest;
  return {
    v: 1,
    id: toEventId(defenderId, epoch, seq),
    defenderId,
    epoch,
    seq,
    type: 'docker',
    api: 'container_list',
    time: '2026-11-23T10:00:00.000Z',
    count: 1,
    decision: { effect: 'allow', rule: 'Default - allow all', reason: 'rule', text: '', findings: [], ...decision },
    outcome: { state: 'done', status: 200, ...outcome },
    actor: { user: 'alice', userSource: 'login', ...actor },
    target: { ...target },
    host: { hostname: 'web-1', fqdn: 'web-1.example', cluster: '', accountID: '', ...host },
    provenance: 'proxy',
    ...rest,
  };
}
