import { parseHostLine } from '@dockledger/host-logs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HostLogRecordContext, toHostLogRecord } from './host-log-record.ts';

const context: HostLogRecordContext = {
  provenance: 'file',
  nowMs: Date.UTC(2026, 10, 23, 12),
  userNameOf: (uid) => (uid === 1000 ? 'alice' : undefined),
  session: undefined,
  isPeerUnchecked: false,
};

function recordOf(
  message: string,
  { isConnected = true, overrides = {} }: { isConnected?: boolean; overrides?: Partial<HostLogRecordContext> } = {},
) {
  const line = `2026-11-23T10:00:00.123456+00:00 web1 ${message}`;
  const result = parseHostLine(line, {
    source: 'file',
    referenceTimeMs: context.nowMs,
    isConnected: () => isConnected,
  });
  return result === null ? undefined : toHostLogRecord(result, { ...context, ...overrides });
}

describe('the record of a host-log line', () => {
  it('says who logged in, from where and with which key', () => {
    const session = { sessionId: 'sshd-7-99', by: 'sshd', isGuess: false } as const;
    const record = recordOf(
      'sshd[7]: Accepted publickey for alice from 203.0.113.7 port 4242 ssh2: ED25519 SHA256:abc',
      { overrides: { session } },
    );
    expect(record?.draft).toMatchObject({
      type: 'sshd',
      api: 'login',
      time: '2026-11-23T10:00:00.123Z',
      decision: {
        effect: 'allow',
        rule: 'Local audit',
        text: 'Login of alice from 203.0.113.7 by publickey, key SHA256:abc',
      },
      actor: { user: 'alice', sourceIP: '203.0.113.7', sourcePort: 4242, sessionId: 'sshd-7-99' },
      confidence: 'file',
    });
    expect(record?.mergeKey).toBeUndefined();
  });

  it('merges equal failed logins only', () => {
    const one = recordOf('sshd[7]: Failed password for alice from 203.0.113.7 port 1 ssh2');
    const two = recordOf('sshd[8]: Failed password for alice from 203.0.113.7 port 2 ssh2');
    const other = recordOf('sshd[9]: Failed password for bob from 203.0.113.7 port 2 ssh2');
    expect(one?.mergeKey).toBe(two?.mergeKey);
    expect(one?.mergeKey).not.toBe(other?.mergeKey);
    expect(one?.draft.decision.effect).toBe('deny');
  });

  it('gives the count of folded lines', () => {
    const folded = recordOf(
      'sshd[7]: message repeated 5 times: [ Failed password for alice from 203.0.113.7 port 1 ssh2]',
    );
    expect(folded?.draft.count).toBe(5);
  });

  it('takes secrets out of a sudo command line, in the action, the details and the raw line', () => {
    const record = recordOf(
      'sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/docker run -e KEY=hunter2 --password hunter2 alpine',
    );
    expect(record?.draft.api).toBe('/usr/bin/docker run -e KEY=*** --password *** alpine');
    expect(JSON.stringify(record)).not.toContain('hunter2');
    expect(record?.draft.raw).toContain('sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/docker run');
  });

  it('keeps user and address of an unproven line as claims', () => {
    const record = recordOf('sshd[7]: Accepted password for root from 6.6.6.6 port 22 ssh2', { isConnected: false });
    expect(record?.draft.actor).toEqual({ user: '', userSource: 'unknown', sourceIP: '' });
    expect(record?.draft).toMatchObject({
      confidence: 'forgeable',
      details: { user: 'root', claimedPeer: { address: '6.6.6.6', port: 22 }, isClaim: true },
    });
  });

  it('makes a gap of what a log says it lost', () => {
    const record = recordOf(
      'rsyslogd: imjournal: 123 messages lost due to rate-limiting (20000 allowed within 600 seconds)',
    );
    expect(record?.draft).toMatchObject({ type: 'gap', details: { reason: 'host-log-loss', count: 123 } });
  });

  it('never gives an address that did not connect, whatever the line', () => {
    const words = fc.array(
      fc.constantFrom('Accepted', 'password', 'for', 'root', 'from', '6.6.6.6', 'port', '22', 'ssh2', 'user', 'rhost='),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(words, fc.constantFrom('sshd[7]', 'sudo', 'su'), (text, tag) => {
        const record = recordOf(`${tag}: ${text.join(' ')}`, { isConnected: false });
        expect(record?.draft.actor.sourceIP ?? '').toBe('');
      }),
    );
  });
});
