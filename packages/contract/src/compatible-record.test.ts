import { describe, expect, it } from 'vitest';
import type { StoredAccessEvent } from './access-event.ts';
import { toEventId, toInstant } from './access-event.ts';
import { compatibleFields, toCompatibleRecord } from './compatible-record.ts';
import { AppError, httpStatusByErrorCode, isAppError } from './error-code.ts';

const anEvent = (changes: Partial<StoredAccessEvent> = {}): StoredAccessEvent => ({
  v: 1,
  id: 'd.1.1',
  defenderId: 'd',
  epoch: 1,
  seq: 1,
  type: 'docker',
  api: 'create',
  time: '2022-11-08T18:24:09.249Z',
  count: 1,
  decision: {
    effect: 'deny',
    rule: 'compliance_block_container_rule_svn',
    reason: 'compliance',
    text: '[Twistlock] Container operation blocked by policy: compliance_block_container_rule_svn, has 1 compliance issues ',
    findings: [],
  },
  outcome: { state: 'refused', status: 403 },
  actor: { user: '', userSource: 'unknown' },
  target: { containerName: '/compliance_block_container_photon_fua', imageName: 'alpine:latest' },
  host: { hostname: 'jen-photon', fqdn: '', cluster: '', accountID: 'twistlock-test-123456' },
  provenance: 'proxy',
  ledgerIndex: 0,
  receivedAt: '2022-11-08T18:24:09.300Z',
  collections: ['All', 'compliance_block_container_yue'],
  ...changes,
});

describe('the compatible record', () => {
  it('has the 17 fields in wire order, empty strings kept and empty labels left out', () => {
    expect(JSON.stringify(toCompatibleRecord(anEvent()))).toBe(
      '{"containerName":"/compliance_block_container_photon_fua","imageName":"alpine:latest","user":"","type":"docker","time":"2022-11-08T18:24:09.249Z","hostname":"jen-photon","fqdn":"","sourceIP":"","allow":false,"ruleName":"compliance_block_container_rule_svn","api":"create","msg":"[Twistlock] Container operation blocked by policy: compliance_block_container_rule_svn, has 1 compliance issues ","collections":["All","compliance_block_container_yue"],"accountID":"twistlock-test-123456","cluster":"","namespace":""}',
    );
    expect(compatibleFields).toHaveLength(17);
  });

  it('keeps labels that there are', () => {
    const record = toCompatibleRecord(anEvent({ target: { labels: { tier: 'front' } } }));
    expect(record.labels).toEqual({ tier: 'front' });
    expect(Object.keys(record).at(-1)).toBe('labels');
  });

  it('says in its text how many calls a merged row stands for', () => {
    expect(toCompatibleRecord(anEvent({ count: 12 })).msg).toMatch(/issues {2}\(×12\)$/);
    const silent = anEvent({ count: 3 });
    expect(toCompatibleRecord({ ...silent, decision: { ...silent.decision, text: '' } }).msg).toBe('(×3)');
  });
});

describe('errors', () => {
  it('have one status per code', () => {
    for (const [code, status] of Object.entries(httpStatusByErrorCode)) {
      expect(new AppError(code as keyof typeof httpStatusByErrorCode, 'x').status).toBe(status);
      expect(status).toBeGreaterThanOrEqual(400);
    }
  });

  it('are told apart by their code', () => {
    const error = new AppError('not_found', 'There is no rule "x".', { details: { name: 'x' } });
    expect(isAppError(error)).toBe(true);
    expect(isAppError(error, 'not_found')).toBe(true);
    expect(isAppError(error, 'conflict')).toBe(false);
    expect(isAppError(new Error('x'))).toBe(false);
  });
});

describe('ids and times', () => {
  it('name an event by its number', () => expect(toEventId('d', 2, 3)).toBe('d.2.3'));
  it('have three digits of milliseconds, always', () =>
    expect(toInstant(Date.UTC(2026, 0, 2))).toBe('2026-01-02T00:00:00.000Z'));
});
