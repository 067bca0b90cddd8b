// Compliance rules refuse real docker commands, and the record is the one that people's parsers know, field by field.
import { randomUUID } from 'node:crypto';
import { compatibleFields } from '@dockledger/contract';
import { engineUnavailable } from '@dockledger/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuardedEngine, startGuardedEngine } from './guarded-engine.ts';

const why = engineUnavailable();
const blocking = (name: string, ids: readonly number[], more: { collections?: string[]; blockMsg?: string } = {}) => ({
  name,
  ...more,
  condition: { vulnerabilities: ids.map((id) => ({ id, block: true })) },
});

describe.skipIf(why !== undefined)('compliance rules on real docker commands', () => {
  let guarded: GuardedEngine;
  const docker = (...args: string[]) => guarded.dockledger.docker(...args);
  const now = () => ({ from: new Date().toISOString() });

  beforeAll(async () => {
    guarded = await startGuardedEngine({
      BRAND: '[Twistlock]',
      HOSTNAME: 'jen-photon-v3-0811t165215-cont-def-pre-lngcon230',
      ACCOUNT_ID: 'twistlock-test-123456',
    });
    await guarded.engine.importBusybox('alpine:latest');
    const made = await guarded.dockledger.api('/api/v1/collections', {
      method: 'POST',
      body: JSON.stringify({
        name: 'compliance_block_container_yue',
        containers: ['compliance_block_container_photon_*'],
        images: ['alpine:latest'],
      }),
    });
    expect(made.status).toBe(200);
  });
  afterAll(async () => {
    await guarded?.[Symbol.asyncDispose]();
  });

  it('block docker run --privileged, and the record is the target record', async () => {
    const saved = await guarded.dockledger.api('/api/v1/policies/compliance/container', {
      method: 'PUT',
      body: JSON.stringify({
        policyType: 'containerCompliance',
        rules: [
          {
            name: 'compliance_block_container_rule_svn',
            effect: 'alert, block',
            collections: [{ name: 'compliance_block_container_yue' }],
            condition: { vulnerabilities: [{ id: 54, block: true }] },
          },
        ],
      }),
    });
    expect(saved.status).toBe(200);
    await guarded.setRules([{ name: 'Default - allow all', effect: 'allow' }]);
    const started = now();
    const ran = await docker('run', '--privileged', '--name', 'compliance_block_container_photon_fua', 'alpine:latest');
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain(
      'Error response from daemon: [Twistlock] Container operation blocked by policy: compliance_block_container_rule_svn, has 1 compliance issues',
    );
    const [record, ...more] = await guarded.audits(started, 'create');
    expect(more).toEqual([]);
    expect(record).toEqual({
      containerName: '/compliance_block_container_photon_fua',
      imageName: 'alpine:latest',
      user: expect.stringMatching(/./),
      type: 'docker',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      hostname: 'jen-photon-v3-0811t165215-cont-def-pre-lngcon230',
      fqdn: '',
      sourceIP: '',
      allow: false,
      ruleName: 'compliance_block_container_rule_svn',
      api: 'create',
      msg: '[Twistlock] Container operation blocked by policy: compliance_block_container_rule_svn, has 1 compliance issues ',
      collections: ['All', 'compliance_block_container_yue'],
      accountID: 'twistlock-test-123456',
      cluster: '',
      namespace: '',
    });
    expect(Object.keys(record ?? {})).toEqual(compatibleFields.filter((field) => field !== 'labels'));
    const [event] = await guarded.events(started, 'create');
    expect(event).toMatchObject({
      decision: { effect: 'deny', reason: 'compliance', findings: [{ check: 54, effect: 'deny' }] },
      outcome: { state: 'refused', status: 403 },
    });
    expect((await guarded.engine.docker('ps', '-aq')).stdout).toBe('');
  });

  it('leave a container outside the collection alone, and record what only alerts', async () => {
    await guarded.setCompliance([
      blocking('yue only', [54], { collections: ['compliance_block_container_yue'] }),
      { name: 'watch', condition: { vulnerabilities: [{ id: 54, block: false }] } },
    ]);
    const started = now();
    expect((await docker('create', '--privileged', '--name', 'other', 'alpine:latest')).code).toBe(0);
    const [event] = await guarded.events(started, 'container_create');
    expect(event?.decision).toMatchObject({
      effect: 'allow',
      rule: 'Default - allow all',
      findings: [{ check: 54, rule: 'watch', effect: 'alert' }],
    });
    await guarded.engine.docker('rm', '-f', 'other');
  });

  it('answer as the engine does while a rule that blocks by the image cannot see it', async () => {
    await guarded.setCompliance([blocking('no root', [599])]);
    const started = now();
    const missing = `registry.invalid/app:${randomUUID()}`;
    const { statuses, text, reached } = await guarded.send(
      `POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${JSON.stringify({ Image: missing }).length}\r\n\r\n${JSON.stringify({ Image: missing })}`,
    );
    expect({ statuses, reached }).toEqual({ statuses: [404], reached: [] });
    expect(text).toContain(`No such image: ${missing}`);
    expect((await guarded.events(started, 'container_create'))[0]).toMatchObject({
      decision: { effect: 'allow' },
      outcome: { state: 'failed', status: 404 },
    });
    expect((await docker('create', 'alpine:latest')).stderr).toContain('blocked by policy: no root');
    expect((await docker('create', '--user', '1000', '--name', 'mine', 'alpine:latest')).code).toBe(0);
    await guarded.engine.docker('rm', '-f', 'mine');
  });

  it('judge an exec again when it starts', async () => {
    await guarded.setCompliance([]);
    await docker('run', '-d', '--name', 'web', '--network', 'none', 'alpine:latest', 'sleep', '600');
    const made = await guarded.engine.docker('inspect', '--format', '{{.Id}}', 'web');
    const body = '{"Cmd":["true"],"Privileged":true}';
    const exec = await guarded.send(
      `POST /v1.41/containers/${made.stdout.trim()}/exec HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(exec.statuses).toEqual([201]);
    const id = /"Id":"([0-9a-f]+)"/.exec(exec.text)?.[1] ?? '';
    await guarded.setCompliance([blocking('no privileged exec', [522])]);
    const start = await guarded.send(
      `POST /v1.41/exec/${id}/start HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    );
    expect(start).toMatchObject({ statuses: [403], reached: [] });
    expect((await guarded.events(start, 'create'))[0]).toMatchObject({
      decision: { rule: 'no privileged exec' },
      target: { containerName: '/web' },
    });
    await guarded.engine.docker('rm', '-f', 'web');
  });

  it('close the tunnels of BuildKit unless they are allowed by name', async () => {
    await guarded.setCompliance([blocking('no privileged', [54])]);
    const open = 'POST /session HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
    const closed = await guarded.send(open, (text) => text.includes('\r\n\r\n'));
    expect(closed).toMatchObject({ statuses: [403], reached: [] });
    await guarded.setRules([
      { name: 'builders', effect: 'allow', action: ['buildkit_session', 'buildkit_grpc'] },
      { name: 'Default - allow all', effect: 'allow' },
    ]);
    const opened = await guarded.send(open, (text) => text.includes('101'));
    expect(opened).toMatchObject({ statuses: [101], reached: ['POST /session'] });
  });
});
