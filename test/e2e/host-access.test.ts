// SSH logins, sudo and Docker calls of real daemons become one story, and a line that anyone can write proves nothing.
import { accessSync } from 'node:fs';
import type { StoredAccessEvent } from '@dockledger/contract';
import {
  type Dockledger,
  type Engine,
  engineUnavailable,
  startDockledger,
  startEngine,
  until,
} from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPrivateHost, type PrivateHost, startJournald, startRsyslogd, startSshd } from './private-host.ts';

function missing(): string | undefined {
  const programs = ['/usr/sbin/sshd', '/usr/bin/sudo', '/usr/sbin/rsyslogd', '/lib/systemd/systemd-journald'];
  const absent = programs.find((path) => {
    try {
      accessSync(path);
      return false;
    } catch {
      return true;
    }
  });
  return absent === undefined ? engineUnavailable() : `${absent} is not installed`;
}

describe.skipIf(missing() !== undefined).each([
  { source: 'auth.log, written by rsyslogd', start: startRsyslogd, provenance: 'file', confidence: 'file' },
  { source: 'the journal', start: startJournald, provenance: 'journal', confidence: 'trusted' },
])('access to a host whose log is $source', ({ start, provenance, confidence }) => {
  let engine: Engine;
  let host: PrivateHost;
  let dockledger: Dockledger;

  beforeAll(async () => {
    engine = await startEngine();
    host = await createPrivateHost();
    await start(host);
    dockledger = await startDockledger({
      engineHost: engine.host,
      prefix: host.prefix,
      settings: { HOST_LOGS: 'auto', PROXY_MODE: '0666', MERGE_WINDOW_MS: '500' },
    });
    await startSshd(host);
  }, 150_000);
  afterAll(async () => {
    await dockledger?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  const found = (query: string, is: (event: StoredAccessEvent) => boolean = () => true) =>
    until(
      `an event for ${query}`,
      async () => {
        const events = (await dockledger.events(query)).filter(is);
        return events.length > 0 ? events : undefined;
      },
      { withinMs: 20_000, everyMs: 100 },
    ).catch(async (error: unknown) => {
      const all = (await dockledger.events('')).map(({ type, api, actor, confidence: how, decision }) =>
        JSON.stringify({ type, api, user: actor.user, ip: actor.sourceIP, how, text: decision.text }),
      );
      throw new Error(`${(error as Error).message}\n${all.join('\n')}`);
    });

  it('joins a login, its sudo and its Docker calls into one session, with the address it came from', async () => {
    const line = `DOCKER_HOST=${dockledger.dockerHost} sudo docker volume create joined && sleep 1`;
    const ran = await host.ssh('alice', line, { from: '127.0.0.7' });
    expect(ran).toMatchObject({ code: 0 });
    const [login] = await found('type=sshd&api=login&user=alice');
    expect(login).toMatchObject({
      decision: { effect: 'allow', rule: 'Local audit' },
      actor: { user: 'alice', sourceIP: '127.0.0.7', sessionId: expect.stringMatching(/^sshd-\d+-\d+$/) },
      provenance,
      confidence,
      details: { method: 'publickey', keyFingerprint: expect.stringMatching(/^SHA256:/) },
    });
    expect(login?.raw).toContain('Accepted publickey for alice from 127.0.0.7');
    const session = login?.actor.sessionId ?? '';
    const [sudo] = await found('type=sudo');
    expect(sudo).toMatchObject({
      api: '/usr/bin/docker volume create joined',
      decision: { effect: 'allow', text: 'alice ran /usr/bin/docker volume create joined as root' },
      actor: { user: 'alice', effectiveUser: 'root' },
      details: { program: 'sudo', cwd: '/home/alice' },
      provenance,
    });
    const [docker] = await found('api=volume_create');
    expect(docker?.actor).toMatchObject({ user: 'alice', effectiveUser: 'root', sessionId: session });
    await found(`api=session_close&session=${session}`);
    if (confidence === 'trusted') expect(sudo?.actor.sessionId).toBe(session);
    const listed = await dockledger.api('/api/dockledger/v1/sessions');
    const { sessions } = listed.json<{ sessions: { id: string }[] }>();
    expect(sessions).toMatchObject([{ sessionId: session, user: 'alice', sourceIP: '127.0.0.7', method: 'publickey' }]);
    const story = await dockledger.api(
      `/api/dockledger/v1/sessions/${encodeURIComponent(sessions[0]?.id ?? '')}/events`,
    );
    const apis = story.json<{ events: StoredAccessEvent[] }>().events.map(({ api }) => api);
    expect(apis.indexOf('login')).toBe(0);
    expect(apis.indexOf('volume_create')).toBeGreaterThan(0);
    expect(apis.indexOf('session_close')).toBeGreaterThan(apis.indexOf('volume_create'));
  });

  it('records refused logins and refused sudo', async () => {
    expect((await host.ssh('nosuchuser', 'true', { from: '127.0.0.8' })).code).toBe(255);
    const [refused] = await found('api=invalid_user');
    expect(refused).toMatchObject({
      decision: { effect: 'deny' },
      actor: { user: 'nosuchuser', sourceIP: '127.0.0.8' },
      confidence,
    });
    await host.sh('setpriv --reuid=3102 --regid=3102 --init-groups sh -c "echo wrong | sudo -S id"');
    const [sudo] = await found('type=sudo&allow=false&user=bob');
    expect(sudo?.decision.effect).toBe('deny');
  });

  it('takes neither address nor user nor trust from a line that a user wrote with logger', async () => {
    const forge = (tag: string, text: string) =>
      host.sh(`setpriv --reuid=3102 --regid=3102 --init-groups logger -p auth.info -t ${tag} '${text}'`);
    await forge('sshd', 'Accepted password for root from 6.6.6.6 port 22 ssh2');
    await forge('sshd[4242]', 'Failed password for alice from 6.6.6.6 port 4711 ssh2');
    const forged = await found('text=6.6.6.6', (event) => event.api === 'login_failed');
    const login = await found('text=6.6.6.6', (event) => event.api === 'login');
    for (const event of [...forged, ...login]) {
      expect(event.confidence).toBe('forgeable');
      expect(event.actor.sourceIP).toBe('');
      expect(['', 'bob']).toContain(event.actor.user);
      expect(event.actor.sessionId).toBeUndefined();
      expect(event.details).toMatchObject({ claimedPeer: { address: '6.6.6.6' }, isClaim: true });
    }
    expect(await dockledger.events('sourceIP=6.6.6.6')).toEqual([]);
    await forge('sudo', '   alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/forged');
    const [sudo] = await found('type=sudo&text=/bin/forged');
    expect(sudo?.confidence).not.toBe('trusted');
  });
});
