// Records for the spool's tests, with only what matters to each filled in by the caller.
import type { EventDraft, Host, RequestRecord } from '@dockledger/contract';

/** The host of the tests. */
export const testHost: Host = { hostname: 'h', fqdn: '', cluster: '', accountID: '' };

/** An allowed call of alice. */
export function aDraft(overrides: Partial<EventDraft> = {}): EventDraft {
  return {
    type: 'docker',
    api: 'container_list',
    time: '2026-11-23T15:00:00.000Z',
    decision: { effect: 'allow', rule: 'all', reason: 'rule', text: '', findings: [] },
    actor: { user: 'alice', userSource: 'login' },
    target: {},
    provenance: 'proxy',
    ...overrides,
  };
}

/** A read whose outcome is known. Without a key it is never merged. */
export function aRead(rid: string, api: string, mergeKey?: string): RequestRecord {
  const outcome = { state: 'done', status: 200 } as const;
  return { kind: 'request', rid, draft: aDraft({ api }), outcome, ...(mergeKey !== undefined && { mergeKey }) };
}

/** A state-changing call whose outcome comes later. */
export function aWrite(rid: string, api: string): RequestRecord {
  return { kind: 'request', rid, draft: aDraft({ api }) };
}
