// Events as a busy small company makes them, for the page's journeys: the same ones for the same number of rows.
import type { StoredAccessEvent } from '@dockledger/contract';

type Draft = Partial<Omit<StoredAccessEvent, 'actor' | 'target' | 'decision' | 'outcome' | 'host'>> & {
  readonly actor?: Partial<StoredAccessEvent['actor']>;
  readonly target?: Partial<StoredAccessEvent['target']>;
  readonly decision?: Partial<StoredAccessEvent['decision']>;
  readonly outcome?: Partial<StoredAccessEvent['outcome']>;
  readonly host?: Partial<StoredAccessEvent['host']>;
};

/** One event at a time (ms since 1970) with a number; only what matters need be given. */
export function anEvent(seq: number, timeMs: number, draft: Draft = {}): StoredAccessEvent {
  const time = new Date(timeMs).toISOString();
  const { actor, target, decision, outcome, host, ...rest } = draft;
  return {
    v: 1,
    id: `d-web-3.1.${seq}`,
    defenderId: 'd-web-3',
    epoch: 1,
    seq,
    type: 'docker',
    api: 'container_list',
    time,
    count: 1,
    decision: { effect: 'allow', rule: 'Default - allow all', reason: 'rule', text: '', findings: [], ...decision },
    outcome: { state: 'done', status: 200, ...outcome },
    actor:
      actor?.user === undefined
        ? {
            user: 'alice',
            userSource: 'login',
            uid: 1000,
            effectiveUser: 'alice',
            loginUser: 'alice',
            loginUid: 1000,
            ...actor,
          }
        : { user: actor.user, userSource: 'login', ...actor },
    target: { ...target },
    host: { hostname: 'web-3', fqdn: 'web-3.example.net', cluster: 'prod', accountID: '', ...host },
    provenance: 'proxy',
    ledgerIndex: seq,
    receivedAt: new Date(timeMs + 120).toISOString(),
    collections: ['All'],
    ...rest,
  };
}

const asRoot = { effectiveUser: 'root', uid: 0 } as const;
const db = {
  kind: 'container',
  containerId: 'a1b2c3d4e5f60718293a4b5c6d7e8f90',
  containerName: '/db',
  imageName: 'postgres:17',
} as const;
const web = {
  kind: 'container',
  containerId: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  containerName: '/web',
  imageName: 'nginx:1.29-alpine',
} as const;

const alice: readonly Draft[] = [
  { actor: { commandLine: 'docker ps', exe: '/usr/bin/docker', pid: 4711, sessionId: '31' } },
  {
    api: 'container_create',
    actor: { ...asRoot, commandLine: 'docker run --privileged -v /:/host alpine sh', sessionId: '31', pid: 4714 },
    target: { kind: 'container', containerName: '/shell', imageName: 'alpine:latest' },
    decision: {
      effect: 'deny',
      rule: 'no-privileged',
      reason: 'compliance',
      text: '[Dockledger] Container operation blocked by policy: no-privileged, has 1 compliance issues',
    },
    outcome: { state: 'refused', status: 403 },
    request: {
      method: 'POST',
      route: '/containers/create',
      target: '/v1.47/containers/create',
      summary: { privileged: true, image: 'alpine:latest' },
    },
  },
  { api: 'container_exec_start', actor: { commandLine: 'docker exec -it db psql', sessionId: '31' }, target: db },
  { api: 'container_exec_create', actor: { commandLine: 'docker exec -it db psql', sessionId: '31' }, target: db },
  {
    type: 'sudo',
    api: '/usr/bin/docker run --rm alpine id',
    actor: { ...asRoot, userSource: 'log', sessionId: '31' },
    decision: { rule: '', reason: 'host-log', text: 'alice ran /usr/bin/docker run --rm alpine id as root' },
    provenance: 'journal',
    raw: 'alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/docker run --rm alpine id',
    details: { targetUser: 'root', tty: 'pts/0' },
  },
  {
    type: 'sshd',
    api: 'login',
    actor: { userSource: 'log', sourceIP: '10.0.3.7', sourcePort: 50514, sessionId: '31' },
    decision: { rule: '', reason: 'host-log', text: 'Accepted publickey for alice from 10.0.3.7' },
    provenance: 'journal',
    raw: 'Accepted publickey for alice from 10.0.3.7 port 50514 ssh2: ED25519 SHA256:9fT1…',
    details: { method: 'publickey' },
  },
];

const deploy: readonly Draft[] = Array.from({ length: 5 }, () => ({
  actor: { user: 'deploy', loginUser: 'deploy', effectiveUser: 'deploy', uid: 1001, commandLine: 'docker ps -q' },
  host: { hostname: 'ci-1' },
}));

const others: readonly Draft[] = [
  {
    api: 'image_build',
    actor: { user: 'deploy', effectiveUser: 'deploy', uid: 1001, commandLine: 'docker build -t shop:1.9 .' },
    target: { kind: 'image', imageName: 'shop:1.9' },
    host: { hostname: 'ci-1' },
  },
  {
    api: 'container_logs',
    count: 4,
    actor: { user: 'bob', effectiveUser: 'bob', uid: 1002, commandLine: 'docker logs -f web' },
    target: web,
  },
  {
    api: 'container_delete',
    actor: { user: 'bob', effectiveUser: 'bob', uid: 1002, commandLine: 'docker rm -f old-web' },
    target: { kind: 'container', containerName: '/old-web' },
    outcome: { state: 'failed', status: 404, error: 'No such container: old-web' },
  },
  {
    type: 'sshd',
    api: 'failed',
    count: 3,
    actor: { user: 'admin', userSource: 'log', sourceIP: '203.0.113.9' },
    decision: {
      effect: 'deny',
      rule: '',
      reason: 'host-log',
      text: 'Failed password for invalid user admin from 203.0.113.9',
    },
    outcome: { state: 'failed' },
    provenance: 'journal',
  },
  {
    api: 'container_start',
    actor: { user: 'container:/portainer', userSource: 'container', containerName: '/portainer' },
    target: web,
    host: { hostname: 'web-2' },
  },
  {
    api: 'volume_list',
    actor: { user: 'carol', userSource: 'certificate', certificate: 'CN=carol,OU=ops', sourceIP: '10.0.9.4' },
    host: { hostname: 'web-2' },
  },
  {
    api: 'image_create',
    actor: { user: 'deploy', effectiveUser: 'deploy', commandLine: 'docker pull registry.example.net/shop:1.9' },
    target: { kind: 'image', imageName: 'registry.example.net/shop:1.9' },
    host: { hostname: 'ci-1' },
  },
];

/** Stories of one or several events, newest first. Drawn at random, with everyday ones more often. */
const stories: readonly (readonly Draft[])[] = [
  alice,
  deploy,
  deploy,
  ...others.map((draft) => [draft]),
  ...others.slice(0, 2).map((draft) => [draft]),
];

/** `rows` events ending at `endMs`, newest first, some minutes apart like working days have them. */
export function sampleEvents(rows: number, endMs: number): StoredAccessEvent[] {
  const events: StoredAccessEvent[] = [];
  let timeMs = endMs;
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  while (events.length < rows) {
    const story = stories[random(stories.length)] ?? [];
    // Working hours are busy, nights are not.
    timeMs -= random(Math.sin(timeMs / 9_000_000) > 0 ? 90_000 : 500_000);
    const sessionId = String(100 + Math.floor((rows - events.length) / 4));
    for (const draft of story) {
      if (events.length === rows) break;
      timeMs -= 1 + random(9000);
      const isInSession = draft.actor?.sessionId !== undefined;
      const actor = isInSession ? { ...draft.actor, sessionId } : draft.actor;
      events.push(anEvent(rows - events.length, timeMs, { ...draft, ...(actor !== undefined && { actor }) }));
    }
  }
  return events;
}

/** Fields that try to break the page: markup, terminal escapes, reordering, NUL, and 10 KB names. */
export function hostileEvent(seq: number, timeMs: number): StoredAccessEvent {
  return anEvent(seq, timeMs, {
    actor: {
      user: '<img src=x onerror="document.title=\'owned\'">',
      commandLine: 'docker run \u001b[31mred\u0007 \u0000 end',
    },
    target: {
      containerName: `/${'n'.repeat(10_000)}`,
      imageName: 'evil\u202Egnp.exe',
      labels: { '"><script>': 'javascript:alert(1)' },
    },
    decision: { rule: '</td><script>document.title="owned"</script>' },
  });
}
