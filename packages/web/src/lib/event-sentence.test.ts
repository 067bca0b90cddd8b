import { describe, expect, it } from 'vitest';
import { anEvent } from '../../browser/sample-events.ts';
import { toResult, toSentence, toWhat, toWho } from './event-sentence.ts';

const root = { effectiveUser: 'root' };

describe('the sentence of an event', () => {
  it('tells a refusal with person, rights, image, host and rule', () => {
    const event = anEvent(1, 0, {
      api: 'container_create',
      actor: root,
      target: { imageName: 'alpine:latest' },
      request: { method: 'POST', route: '/containers/create', summary: { privileged: true } },
      decision: { effect: 'deny', rule: 'no-priv' },
    });
    expect(toSentence(event)).toBe(
      'alice, as root through sudo, was refused to create a privileged container from alpine:latest on web-3, by rule no-priv.',
    );
  });

  it('tells an allowed call in the past', () => {
    const target = { containerName: '/db', imageName: 'postgres:17' };
    expect(toSentence(anEvent(1, 0, { api: 'container_start', target }))).toBe(
      'alice started container db (postgres:17) on web-3.',
    );
    expect(toSentence(anEvent(1, 0, { api: 'container_stop', target }))).toBe(
      'alice stopped container db (postgres:17) on web-3.',
    );
    expect(toSentence(anEvent(1, 0, { api: 'container_list', count: 3 }))).toBe(
      'alice listed containers on web-3, 3 times.',
    );
    expect(toSentence(anEvent(1, 0, { api: 'image_build', target: { imageName: 'shop:1' } }))).toBe(
      'alice built image shop:1 on web-3.',
    );
    expect(toSentence(anEvent(1, 0, { api: 'volume_remove', target: { other: 'data' } }))).toBe(
      'alice removed volume data on web-3.',
    );
  });

  it('tells a failure apart from a refusal', () => {
    const event = anEvent(1, 0, {
      api: 'container_delete',
      target: { containerName: '/old' },
      outcome: { state: 'failed', status: 404 },
    });
    expect(toSentence(event)).toBe('alice tried to remove container old on web-3: the engine answered 404.');
    expect(toResult(event)).toBe('failed');
  });

  it('tells ssh and sudo', () => {
    const ssh = anEvent(1, 0, { type: 'sshd', api: 'login', actor: { sourceIP: '10.0.0.7' } });
    expect(toSentence(ssh)).toBe('alice logged in by SSH on web-3 from 10.0.0.7.');
    const sudo = anEvent(1, 0, { type: 'sudo', api: '/usr/bin/docker ps', actor: root });
    expect(toSentence(sudo)).toBe('alice ran “/usr/bin/docker ps” as root on web-3.');
  });

  it('names an unknown person as such', () => {
    expect(toSentence(anEvent(1, 0, { actor: { user: '' } }))).toBe('Somebody unknown listed containers on web-3.');
  });
});

describe('the short words of a row', () => {
  it('leave out what has a column of its own', () => {
    expect(toWhat(anEvent(1, 0, { api: 'container_logs' }))).toBe('read the logs');
    expect(toWhat(anEvent(1, 0, { api: 'container_create' }))).toBe('create container');
    expect(toWhat(anEvent(1, 0, { api: 'something_new_here' }))).toBe('new here something');
  });

  it('show other rights only when they differ from the person', () => {
    expect(toWho(anEvent(1, 0))).toEqual({ user: 'alice' });
    expect(toWho(anEvent(1, 0, { actor: root }))).toEqual({ user: 'alice', as: 'root' });
  });
});
