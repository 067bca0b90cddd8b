// The doors past the Defender are seen, named and closed; break-glass lifts the rules and is over by itself; the trail and
// the reasons behind it can be had from a shell.
import { chmod, chown } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessRule, Condition } from '@dockledger/contract';
import {
  type Dockledger,
  type Engine,
  engineUnavailable,
  run,
  startDockledger,
  startEngine,
  startProcess,
  until,
} from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');
/** The machine may be busy. */
const within = { withinMs: 60_000, everyMs: 50 };
const allowAll: AccessRule = { name: 'Default - allow all', effect: 'allow' };

describe.skipIf(engineUnavailable() !== undefined)('doors and break-glass', { timeout: 240_000 }, () => {
  let engine: Engine;
  let dockledger: Dockledger;

  beforeAll(async () => {
    engine = await startEngine();
    await engine.importBusybox();
    dockledger = await startDockledger({ engineHost: engine.host, settings: { MERGE_WINDOW_MS: '0' } });
  });
  afterAll(async () => {
    await dockledger?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    DOCKLEDGER_DATA_DIR: dockledger.dataDir,
    DOCKLEDGER_ENGINE: engine.host,
    DOCKLEDGER_ADMIN_PASSWORD: dockledger.password,
  });
  const dockledgerCommand = (...words: string[]) => run(process.execPath, [main, ...words], { env: environment() });
  const setRules = async (rules: readonly AccessRule[]) => {
    const answer = await dockledger.api('/api/v1/policies/docker', {
      method: 'PUT',
      body: JSON.stringify({ policyType: 'docker', rules }),
    });
    expect(answer, answer.text).toMatchObject({ status: 200 });
  };
  const conditions = async (): Promise<Condition[]> => {
    const answer = await dockledger.api('/api/dockledger/v1/defenders');
    return answer.json<{ defenders: { conditions: Condition[] }[] }>().defenders.flatMap((each) => each.conditions);
  };
  const conditionEvents = (name: string) =>
    dockledger
      .events('type=condition')
      .then((events) =>
        events.filter(({ details }) => details?.['condition'] === name).map(({ details }) => details?.['change']),
      );

  it('T-98: sees an engine socket that a group may use, on page, trail and in the doctor, whose command closes it', async () => {
    const engineFindings = async () => {
      const report = JSON.parse((await dockledgerCommand('doctor', '--json')).stdout) as { findings: Condition[] };
      return report.findings.filter(({ text }) => text.includes(engine.socketPath));
    };
    expect(await engineFindings()).toEqual([]);

    await chmod(engine.dir, 0o711);
    await chown(engine.socketPath, 0, 4711);
    await chmod(engine.socketPath, 0o660);
    const [found] = await engineFindings();
    expect(found).toMatchObject({ name: 'unguarded-engine-socket' });
    expect(found?.text).toContain('group 4711');
    await until(
      'the Console shows it',
      async () => (await conditions()).some(({ name }) => name === 'unguarded-engine-socket'),
      within,
    );

    expect((await run('sh', ['-c', found?.fix ?? 'false'])).code).toBe(0);
    expect(await engineFindings()).toEqual([]);
    await until(
      'the Console shows it no more',
      async () => !(await conditions()).some(({ name }) => name === 'unguarded-engine-socket'),
      within,
    );
    await until(
      'both changes are on record',
      async () => JSON.stringify(await conditionEvents('unguarded-engine-socket')) === '["raised","cleared"]',
      within,
    );
  });

  it('lifts the rules for root alone, on record with the reason, over a restart, until it is ended', async () => {
    await setRules([{ name: 'nobody', effect: 'deny' }]);
    const refused = async () => (await dockledger.docker('ps')).stderr.includes('by rule nobody');
    await until('the rule is in force', refused, within);

    expect((await dockledgerCommand('defender', 'bypass', '--minutes', '10')).code).toBe(2);
    const socket = join(dockledger.dataDir, 'control.sock');
    await chmod(dockledger.dataDir, 0o711);
    await chmod(socket, 0o666);
    const byOther = await run('setpriv', [
      '--reuid=3101',
      '--regid=3101',
      '--clear-groups',
      'curl',
      '-s',
      '--unix-socket',
      socket,
      '-X',
      'POST',
      '-d',
      '{"minutes":10,"reason":"x"}',
      'http://d/v1/bypass',
    ]);
    expect(byOther.stdout).toContain('Only root');
    await chmod(socket, 0o600);
    expect(await refused()).toBe(true);

    const lifted = await dockledgerCommand('defender', 'bypass', '--minutes=10', '--reason', 'everybody is locked out');
    expect(lifted.stdout).toContain('LIFTED');
    expect((await dockledger.docker('ps')).code).toBe(0);
    await until(
      'the page says so',
      async () => (await conditions()).some(({ name }) => name === 'rules-lifted'),
      within,
    );
    const [call] = await until(
      'the call is on record',
      async () => {
        const found = await dockledger.events('api=container_list&rule=Break-glass');
        return found.length > 0 ? found : undefined;
      },
      within,
    );
    expect(call).toMatchObject({
      decision: { effect: 'allow', reason: 'bypass', findings: [{ rule: 'nobody', effect: 'deny' }] },
    });
    expect(call?.decision.text).toContain('everybody is locked out');

    await dockledger.stop('SIGTERM');
    await dockledger.start();
    expect((await dockledger.docker('ps')).code).toBe(0);

    expect((await dockledgerCommand('defender', 'bypass', '--end')).stdout).toContain('in force');
    expect(await refused()).toBe(true);
    await until(
      'start, resumption and end are on record',
      async () => JSON.stringify(await conditionEvents('rules-lifted')) === '["raised","raised","cleared"]',
      within,
    );
    await setRules([allowAll]);
    await until('all is allowed again', async () => (await dockledger.docker('ps')).code === 0, within);
  });

  it('records what rules in alert mode would have refused, and refuses nothing: a dry run', async () => {
    await setRules([{ name: 'dry run', effect: 'alert', action: ['container_list'] }, allowAll]);
    const found = await until(
      'the dry run is in force',
      async () => {
        expect((await dockledger.docker('ps')).code).toBe(0);
        const events = await dockledger.events('api=container_list&rule=Default - allow all');
        return events.find(({ decision }) => decision.findings.some(({ rule }) => rule === 'dry run'));
      },
      within,
    );
    expect(found.decision).toMatchObject({ effect: 'allow', findings: [{ rule: 'dry run', effect: 'alert' }] });
  });

  it('shows and follows the trail from a shell, each event once', async () => {
    const name = `follow-${process.pid}`;
    await dockledger.docker('create', '--name', `${name}-a`, 'busybox:test');
    await until(
      'the first is in the trail',
      async () => (await dockledger.events(`container=/${name}-a&api=container_create`)).length === 1,
      within,
    );
    const shown = await dockledgerCommand('events', '--container', `/${name}-a`, '--api', 'container_create');
    expect(shown.stdout.trim().split('\n')).toEqual([expect.stringContaining('container_create')]);
    expect(shown.stdout).toContain('allowed by Default - allow all');

    await using follow = await startProcess(
      process.execPath,
      [main, 'events', '--follow', '--json', '--api', 'container_create'],
      { env: environment() },
    );
    const names = () => [...follow.output().matchAll(/"containerName":"\/(follow-[^"]+)"/g)].map(([, found]) => found);
    await until('the page is printed', () => names().includes(`${name}-a`), within);
    await dockledger.docker('create', '--name', `${name}-b`, 'busybox:test');
    await until('the next event is printed', () => names().includes(`${name}-b`), within);
    expect(names()).toEqual([`${name}-a`, `${name}-b`]);
    await dockledger.docker('rm', `${name}-a`, `${name}-b`);
  });

  it('explains a command line and a recorded call with the verdict that the Defender gives', async () => {
    await setRules([
      {
        name: 'no privileged net',
        effect: 'deny',
        action: ['container_create'],
        principal: ['root'],
      },
      allowAll,
    ]);
    const real = await until(
      'the rule is in force',
      async () => {
        const tried = await dockledger.docker('create', 'busybox:test');
        return tried.stderr.includes('no privileged net') ? tried : undefined;
      },
      within,
    );
    const explained = await dockledgerCommand('explain', '--as', 'root', 'docker', 'create', 'busybox:test');
    expect(explained.code).toBe(1);
    expect(explained.stdout).toMatch(/1 {2}deny {3}no privileged net: DECIDES/);
    const sentence = /\[Dockledger\][^\n]*/.exec(real.stderr)?.[0] ?? '';
    expect(explained.stdout).toContain(sentence.trim().replace(/\.$/, ''));
    expect((await dockledgerCommand('explain', '--as', 'alice', 'docker', 'create', 'busybox:test')).code).toBe(0);

    const [event] = await until(
      'the refusal is on record',
      async () => {
        const found = await dockledger.events('api=container_create&rule=no privileged net');
        return found.length > 0 ? found : undefined;
      },
      within,
    );
    const byEvent = await dockledgerCommand('explain', '--event', event?.id ?? '', '--json');
    expect(JSON.parse(byEvent.stdout)).toMatchObject({
      allowed: false,
      requests: [{ action: 'container_create', rule: 'no privileged net', recorded: { rule: 'no privileged net' } }],
    });
    await setRules([allowAll]);
  });

  it('judges what runs already when the rules change, and stops nothing', async () => {
    const setCompliance = async (rules: readonly unknown[]) => {
      const answer = await dockledger.api('/api/v1/policies/compliance/container', {
        method: 'PUT',
        body: JSON.stringify({ policyType: 'containerCompliance', rules }),
      });
      expect(answer, answer.text).toMatchObject({ status: 200 });
    };
    const findings = async () => {
      const answer = await dockledger.api('/api/dockledger/v1/containers/findings');
      return answer.json<{ containers: { containerName: string; findings: { check: number }[] }[] }>().containers;
    };
    const started = await dockledger.docker(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'runs',
      'busybox:test',
      'sleep',
      '600',
    );
    expect(started, started.stderr).toMatchObject({ code: 0 });
    expect(await findings()).toEqual([]);
    await setCompliance([{ name: 'cis', condition: { vulnerabilities: [{ id: 512, block: true }] } }]);
    const found = await until(
      'the container is found',
      async () => {
        const all = await findings();
        return all.length > 0 ? all : undefined;
      },
      within,
    );
    expect(found).toMatchObject([{ containerName: '/runs', findings: [{ check: 512, rule: 'cis' }] }]);
    expect((await dockledger.docker('inspect', '-f', '{{.State.Running}}', 'runs')).stdout.trim()).toBe('true');
    await setCompliance([]);
    await until('nothing is found without the rule', async () => (await findings()).length === 0, within);
    await dockledger.docker('rm', '-f', 'runs');
  });
});
