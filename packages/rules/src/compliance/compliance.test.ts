import { readdirSync, readFileSync } from 'node:fs';
import type { ComplianceRule } from '@dockledger/contract';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BodyValue } from '../body-schema.ts';
import { canonicaliseBody } from '../canonical-body.ts';
import type { VolumeFacts } from '../host-mounts.ts';
import { cleanHostPath } from '../host-path.ts';
import { complianceChecks } from './checks.ts';
import { compileComplianceRules, evaluateCompliance } from './evaluate.ts';
import { toRunningWorkload } from './running.ts';
import { type ComplianceFacts, type ImageFacts, toBuildWorkload, toWorkload, type Workload } from './workload.ts';

const directory = new URL('../../cases/compliance/', import.meta.url);
const names = readdirSync(directory).filter((name) => name.endsWith('.case.md'));

interface Case {
  readonly check: number;
  readonly action: string;
  readonly body: unknown;
  readonly image?: ImageFacts;
  readonly volumes?: Readonly<Record<string, VolumeFacts>>;
  readonly realPaths?: Readonly<Record<string, string>>;
  readonly guardedPaths?: readonly string[];
  readonly hasSELinux?: boolean;
}

function readBlock(half: string | undefined): unknown {
  const block = /```json\n([\s\S]*?)```/.exec(half ?? '')?.[1];
  if (block === undefined) throw new Error('a case has a json block above and below its line');
  return JSON.parse(block);
}

/** The way of a request: from the bytes of its body to the view that checks judge. */
function workloadOf(action: string, body: unknown, facts: ComplianceFacts = {}): Workload {
  const canonical = canonicaliseBody(action, Buffer.from(JSON.stringify(body)));
  if (canonical.kind !== 'body') throw new Error(canonical.reason);
  const workload = toWorkload(action, canonical.value, facts);
  if (workload === undefined) throw new Error(`${action} has no workload`);
  return workload;
}

describe('compliance checks', () => {
  it.each(names)('%s', (name) => {
    const [above, below] = readFileSync(new URL(name, directory), 'utf8').split(/^---$/m);
    const { check: id, action, body, volumes, realPaths, ...facts } = readBlock(above) as Case;
    const workload = workloadOf(action, body, {
      ...facts,
      volumes: (volume) => volumes?.[volume],
      realPaths: new Map(Object.entries(realPaths ?? {})),
    });
    const check = complianceChecks.find((each) => each.id === id);
    expect(check?.appliesTo).toContain(workload.kind);
    expect({ finding: check?.find(workload) ?? null }).toEqual(readBlock(below));
  });

  it('are the 35 of the documentation, each with a case that hits and one that misses', () => {
    const cisNumbers = Array.from({ length: 31 }, (_, n) => (n < 9 ? 51 + n : 510 + n - 9));
    expect(complianceChecks.map((check) => check.id)).toEqual([...cisNumbers, 596, 597, 598, 599]);
    for (const { id } of complianceChecks) {
      for (const outcome of ['hit', 'miss']) expect(names).toContain(`${id}-${outcome}.case.md`);
    }
  });

  it('are not fooled by how a path is written', () => {
    const noise = fc.constantFrom('/', '/./', '//', '/x/../', '/./.././');
    fc.assert(
      fc.property(
        fc.constantFrom('run/docker.sock', 'etc', 'proc/1/root'),
        fc.array(noise, { maxLength: 5 }),
        noise,
        (path, before, between) => {
          const spelled = `/${before.join('')}/${path.replace('/', between.includes('..') ? '/' : between)}/`;
          expect(cleanHostPath(spelled)).toBe(`/${path}`);
          const workload = workloadOf('container_create', { Image: 'a', HostConfig: { Binds: [`${spelled}:/x`] } });
          const found = complianceChecks.filter(
            (check) => [55, 531].includes(check.id) && check.find(workload) !== undefined,
          );
          expect(found.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('never throw, whatever the body', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          'container_create',
          'container_update',
          'service_create',
          'volume_create',
          'container_exec_create',
        ),
        fc.object(),
        (action, body) => {
          const canonical = canonicaliseBody(action, Buffer.from(JSON.stringify(body)));
          const value: BodyValue | undefined = canonical.kind === 'body' ? canonical.value : undefined;
          const workload = toWorkload(action, value);
          for (const check of complianceChecks) if (workload !== undefined) check.find(workload);
        },
      ),
    );
  });
});

describe('evaluateCompliance', () => {
  const rule: ComplianceRule = {
    name: 'compliance_block_container_rule_svn',
    effect: 'alert, block',
    condition: { vulnerabilities: [{ id: 54, block: true }] },
  };
  const privileged = workloadOf('container_create', { Image: 'alpine:latest', HostConfig: { Privileged: true } });
  const target = { hostname: 'h', containerName: '/compliance_block_container_photon_fua', imageName: 'alpine:latest' };

  it('refuses with exactly the text that parsers of these messages know', () => {
    const verdict = evaluateCompliance(compileComplianceRules([rule]), privileged, target, { brand: 'Twistlock' });
    expect(verdict.block).toEqual({
      rule: 'compliance_block_container_rule_svn',
      checks: [54],
      text: '[Twistlock] Container operation blocked by policy: compliance_block_container_rule_svn, has 1 compliance issues ',
    });
    expect(evaluateCompliance(compileComplianceRules([rule]), privileged, target).block?.text).toMatch(
      /^\[Dockledger\] /,
    );
  });

  it('records what does not block and says what to do', () => {
    const alerting = {
      ...rule,
      condition: {
        vulnerabilities: [
          { id: 54, block: false },
          { id: 59, block: true },
        ],
      },
    };
    const verdict = evaluateCompliance(compileComplianceRules([alerting]), privileged, target);
    expect(verdict.block).toBeUndefined();
    expect(verdict.findings).toEqual([
      {
        check: 54,
        rule: 'compliance_block_container_rule_svn',
        effect: 'alert',
        text: 'The container is not privileged: the container is privileged. Remove --privileged; add the single capability or device that is needed.',
      },
    ]);
  });

  it('appends the custom message and counts the checks that block', () => {
    const two = {
      ...rule,
      blockMsg: 'Ask ops.',
      condition: {
        vulnerabilities: [
          { id: 54, block: true },
          { id: 510, block: true },
        ],
      },
    };
    expect(evaluateCompliance(compileComplianceRules([two]), privileged, target).block?.text).toBe(
      '[Dockledger] Container operation blocked by policy: compliance_block_container_rule_svn, has 2 compliance issues Ask ops.',
    );
  });

  it('asks the first rule whose collections fit, and no other', () => {
    const collections = [{ name: 'web', containers: ['web*'] }];
    const first = { ...rule, name: 'web only', collections: ['web'], condition: { vulnerabilities: [] } };
    const rules = compileComplianceRules([first, rule], collections);
    expect(evaluateCompliance(rules, privileged, target).block?.rule).toBe(rule.name);
    expect(evaluateCompliance(rules, privileged, { ...target, containerName: '/web-1' }).findings).toEqual([]);
  });

  it('judges a build by its query: the network and the cgroup that its steps run in', () => {
    const rules = compileComplianceRules([
      { name: 'builds', condition: { vulnerabilities: [59, 510, 524].map((id) => ({ id, block: true })) } },
    ]);
    const verdict = (query: Record<string, string>) =>
      evaluateCompliance(
        rules,
        toBuildWorkload((name) => query[name] ?? ''),
        target,
      ).block?.checks;
    expect(verdict({ networkmode: 'host', cgroupparent: '/' })).toEqual([59, 524]);
    expect(verdict({ networkmode: 'none', t: 'x' })).toBeUndefined();
  });

  it('leaves checks of the image out for an image that is not there yet, and says that they block', () => {
    const rules = compileComplianceRules([
      { name: 'users', condition: { vulnerabilities: [54, 599].map((id) => ({ id, block: true })) } },
    ]);
    const verdict = evaluateCompliance(rules, privileged, target, { withoutImageChecks: true });
    expect(verdict).toMatchObject({ block: { checks: [54] }, needsImage: true });
  });

  it('skips disabled rules and knows when something blocks', () => {
    const rules = compileComplianceRules([{ ...rule, disabled: true }]);
    expect(rules.hasBlocking).toBe(false);
    expect(evaluateCompliance(rules, privileged, target)).toEqual({ findings: [], needsImage: false });
    expect(compileComplianceRules([rule]).hasBlocking).toBe(true);
  });

  it('does not ask container checks of an exec', () => {
    const all = { ...rule, condition: { vulnerabilities: complianceChecks.map(({ id }) => ({ id, block: true })) } };
    const exec = workloadOf('container_exec_create', { Cmd: ['id'], User: '0' });
    expect(evaluateCompliance(compileComplianceRules([all]), exec, target).block?.checks).toEqual([523]);
  });
});

describe('toRunningWorkload', () => {
  const inspect = {
    Id: 'a'.repeat(64),
    Name: '/web',
    Config: { Image: 'alpine', User: '', Env: ['PATH=/bin'], Cmd: ['sh'], Labels: null },
    HostConfig: {
      Privileged: true,
      Binds: ['/var/run/docker.sock:/s'],
      NetworkMode: 'default',
      Memory: 0,
      PidsLimit: null,
    },
    Mounts: [{ Type: 'bind', Source: '/etc', RW: true, Propagation: 'rprivate' }],
  };

  it('finds in a running container what would have been found at its create', () => {
    const workload = toRunningWorkload(inspect);
    const found = complianceChecks.filter((check) => workload !== undefined && check.find(workload) !== undefined);
    expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining([54, 55, 531, 510, 528, 529, 599]));
  });

  it('has no view of what is no container', () => {
    for (const other of [undefined, null, 'x', {}, { Config: {} }, { message: 'No such container' }]) {
      expect(toRunningWorkload(other)).toBeUndefined();
    }
  });
});
