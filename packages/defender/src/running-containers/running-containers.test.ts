import type { ComplianceRule, ContainersReport } from '@dockledger/contract';
import { compileComplianceRules } from '@dockledger/rules';
import { until } from '@dockledger/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { findOnRunning, type RunningContainersOptions, startRunningContainers } from './running-containers.ts';

const rule = (...ids: number[]): ComplianceRule => ({
  name: 'cis',
  condition: { vulnerabilities: ids.map((id) => ({ id, block: true })) },
});
const inspect = (id: string, host: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  Id: id,
  Name: `/${id}`,
  Image: 'sha256:1',
  Config: { Image: 'alpine:latest', User: '1000', Labels: { tier: 'web' } },
  HostConfig: host,
  Mounts: [],
  ...more,
});

describe('the look at running containers', () => {
  let engine: Record<string, unknown>;
  let sent: ContainersReport[];
  let rules: ComplianceRule[];
  const options = (more: Partial<RunningContainersOptions> = {}): RunningContainersOptions => ({
    ask: async (path) => engine[path],
    compliance: () => compileComplianceRules(rules),
    rulesVersion: () => rules.length,
    defenderId: 'd1',
    host: { hostname: 'h' },
    brand: 'Dockledger',
    guardedPaths: [],
    hasSELinux: false,
    imageFacts: () => ({}),
    realPath: async (path) => (path === '/link' ? '/etc' : path),
    send: async (report) => {
      sent.push(report);
    },
    onWarning: () => {},
    ...more,
  });
  const serve = (...containers: ReturnType<typeof inspect>[]) => {
    engine = { '/containers/json': containers.map(({ Id }) => ({ Id })) };
    for (const container of containers) engine[`/containers/${container.Id}/json`] = container;
  };
  beforeEach(() => {
    sent = [];
    rules = [rule(54, 55)];
    serve(inspect('good', {}), inspect('bad', { Privileged: true }));
  });

  it('names the container, the rule and the check, and leaves out what passes', async () => {
    const report = await findOnRunning(options(), 0);
    expect(report).toMatchObject({ running: 2, checkedAt: '1970-01-01T00:00:00.000Z', rulesVersion: 1 });
    expect(report.containers).toMatchObject([
      { containerId: 'bad', containerName: '/bad', imageName: 'alpine:latest', findings: [{ check: 54, rule: 'cis' }] },
    ]);
  });

  it('sees a sensitive path behind a symlink and behind a volume', async () => {
    const bind = [{ Type: 'bind', Source: '/link', Destination: '/a', RW: true, Propagation: '' }];
    const volume = [{ Type: 'volume', Name: 'v', Destination: '/a', RW: true }];
    serve(
      inspect('link', { Binds: ['/link:/a'] }, { Mounts: bind }),
      inspect('volume', { Binds: ['v:/a'] }, { Mounts: volume }),
    );
    engine['/volumes/v'] = { Driver: 'local', Options: { type: 'none', o: 'bind', device: '/etc' } };
    const { containers } = await findOnRunning(options(), 0);
    expect(containers.map(({ containerId }) => containerId)).toEqual(['link', 'volume']);
  });

  it('asks nothing of containers while there is no compliance rule', async () => {
    rules = [];
    const asked: string[] = [];
    const ask = async (path: string) => {
      asked.push(path);
      return engine[path];
    };
    expect((await findOnRunning(options({ ask }), 0)).containers).toEqual([]);
    expect(asked).toEqual(['/containers/json']);
  });

  it('goes on when a container is gone meanwhile', async () => {
    delete engine['/containers/good/json'];
    expect((await findOnRunning(options(), 0)).containers).toHaveLength(1);
  });

  it('reports at start, on a change of the rules, and again when the Console is back', async () => {
    let isAway = true;
    const send = async (report: ContainersReport) => {
      if (isAway) throw new Error('away');
      sent.push(report);
    };
    const running = startRunningContainers(options({ send }));
    await running.resend();
    expect(sent).toEqual([]);
    isAway = false;
    await running.resend();
    expect(sent).toHaveLength(1);
    rules = [];
    await running.look();
    expect(sent[1]?.containers).toEqual([]);
    await running.close();
    await running.look();
    expect(sent).toHaveLength(2);
  });

  it('says so when the engine cannot be asked, and tries again', async () => {
    const warnings: string[] = [];
    const down = async () => {
      throw new Error('ECONNREFUSED');
    };
    const running = startRunningContainers(
      options({ ask: down, onWarning: (text) => warnings.push(text), everyMs: 5 }),
    );
    await until('it tried twice', () => warnings.length >= 2);
    expect(warnings[0]).toContain('ECONNREFUSED');
    await running.close();
  });
});
