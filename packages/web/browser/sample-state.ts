// Defenders and rules of the small company whose events sample-events.ts makes.
import type { AccessRule } from '@dockledger/contract';

/** Four Defenders: two well, one behind, one gone. */
export function sampleDefenders(nowMs: number): unknown[] {
  const at = (agoMs: number) => new Date(nowMs - agoMs).toISOString();
  const engine = { reachable: true, version: '28.5.1', apiVersion: '1.51' };
  const host = (hostname: string) => ({ hostname, fqdn: `${hostname}.example.net`, cluster: 'prod', accountID: '' });
  return [
    {
      defenderId: 'd-ci-1',
      host: host('ci-1'),
      version: '0.1.0',
      isConnected: true,
      lastSeenAt: at(2000),
      backlog: 0,
      conditions: [],
      engine,
      rulesVersion: 1,
    },
    {
      defenderId: 'd-web-2',
      host: host('web-2'),
      version: '0.1.0',
      isConnected: false,
      lastSeenAt: at(5_400_000),
      backlog: 0,
      conditions: [],
      engine,
      rulesVersion: 1,
    },
    {
      defenderId: 'd-web-3',
      host: host('web-3'),
      version: '0.1.0',
      isConnected: true,
      lastSeenAt: at(900),
      backlog: 0,
      conditions: [],
      engine,
      rulesVersion: 1,
    },
    {
      defenderId: 'd-web-4',
      host: host('web-4'),
      version: '0.1.0',
      isConnected: true,
      lastSeenAt: at(1500),
      backlog: 1830,
      conditions: [
        {
          name: 'engine-unavailable',
          text: 'The Docker engine at unix:///var/run/docker.sock does not answer.',
          fix: 'systemctl start docker',
          since: at(720_000),
        },
      ],
      engine: { reachable: false },
      rulesVersion: 1,
    },
  ];
}

/** Six rules, one of them never reached. */
export function sampleRules(): AccessRule[] {
  return [
    {
      name: 'no-privileged',
      effect: 'deny',
      action: ['container_create'],
      principal: ['*'],
      group: ['*'],
      blockMsg: 'Ask ops@example.net.',
    },
    {
      name: 'ops may do anything',
      effect: 'allow',
      action: ['*'],
      principal: ['*'],
      group: ['ops', 'wheel'],
      auditAllowed: true,
    },
    {
      name: 'pipelines build and push',
      effect: 'allow',
      action: ['image_*', 'container_*'],
      principal: ['deploy'],
      group: ['*'],
    },
    {
      name: 'exec into databases',
      effect: 'alert',
      action: ['container_exec_create', 'container_exec_start'],
      principal: ['*'],
      group: ['*'],
      notes: 'To become deny in December.',
    },
    { name: 'deploy may list', effect: 'allow', action: ['container_list'], principal: ['deploy'], group: ['*'] },
    { name: 'Default - allow all', effect: 'allow', action: ['*'], principal: ['*'], group: ['*'], auditAllowed: true },
  ];
}
