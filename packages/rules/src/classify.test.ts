import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { classify } from './classify.ts';
import type { RequestMethod } from './request-head.ts';
import { actionNames, routes } from './routes.ts';

const casesDirectory = new URL('../cases/', import.meta.url);
const listed = (['20.10', '29.7'] as const).flatMap((engine) =>
  readFileSync(new URL(`docker-routes-${engine}.txt`, casesDirectory), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [method, template] = line.split(' ') as [RequestMethod, string];
      return { engine, method, template };
    }),
);

/** A path that only this template is meant for; greedy names hold a slash. */
const samplePath = (template: string): string =>
  template.replace(/\{\w+(:\.[*+])?\}/g, (_whole, pattern: string | undefined) =>
    pattern === undefined ? 'abc' : 'a/b',
  );

describe('the route table', () => {
  it.each(listed)(
    '$engine: $method $template has an action and is found by a path of its own',
    ({ method, template, engine }) => {
      const found = classify(method, samplePath(template));
      expect(found.route).toBe(template);
      expect(found.action).not.toBe('unknown');
      const route = routes.find(
        (each) => each.template === template && (each.method === method || each.method === '*'),
      );
      expect(['both', engine]).toContain(route?.engines);
    },
  );

  it('lists no route that neither engine has', () => {
    const known = new Set(listed.map(({ method, template }) => `${method} ${template}`));
    for (const { method, template } of routes)
      expect(known).toContain(`${method === '*' ? 'GET' : method} ${template}`);
  });

  it('gives two routes the same action only when they are the same command', () => {
    const shared = actionNames.filter((action) => routes.filter((route) => route.action === action).length > 1);
    expect(shared).toEqual([
      'images_archive',
      'docker_ping',
      'network_list',
      'debug_vars',
      'debug_pprof_index',
      'debug_pprof_cmdline',
      'debug_pprof_profile',
      'debug_pprof_symbol',
      'debug_pprof_trace',
      'debug_pprof_lookup',
    ]);
  });

  it("agrees with the engine's router, written out as one regular expression per route, on any path", () => {
    const oracle = routes.map((route) => ({
      route,
      pattern: new RegExp(
        `^${route.template
          .replace(/[.*+]/g, String.raw`\$&`)
          .replace(/\{\w+(?::\\\.\\([*+]))?\}/g, (_whole, repeat?: string) =>
            repeat === undefined ? '([^/]+)' : `(.${repeat})`,
          )}$`,
      ),
    }));
    const segments = [
      'containers',
      'exec',
      'images',
      'a',
      'json',
      'start',
      'create',
      'prune',
      'checkpoints',
      'archive',
      'get',
      'networks',
      'attach',
      'ws',
      '',
    ];
    let agreed = 0;
    for (const one of segments) {
      for (const two of segments) {
        for (const three of segments) {
          for (const four of ['', '/json', '/start', '/x/json', '/']) {
            const path = `/${one}/${two}/${three}${four}`;
            for (const method of ['GET', 'POST', 'DELETE', 'HEAD', 'PUT'] as const) {
              const expected = oracle.find(
                ({ route, pattern }) => (route.method === method || route.method === '*') && pattern.test(path),
              );
              const found = classify(method, path);
              expect(`${method} ${path} ${found.action}`).toBe(
                `${method} ${path} ${expected?.route.action ?? 'unknown'}`,
              );
              agreed += expected === undefined ? 0 : 1;
            }
          }
        }
      }
    }
    expect(agreed).toBeGreaterThan(1_000);
  });
});

describe('classify', () => {
  it.each([
    ['POST', '/containers/build/exec', 'container_exec_create', 'build'],
    ['POST', '/containers/json/exec', 'container_exec_create', 'json'],
    ['POST', '/containers/a/exec/start', 'container_start', 'a/exec'],
    ['GET', '/containers/json/json', 'container_inspect', 'json'],
    ['GET', '/containers/%2e/json', 'container_inspect', '%2e'],
    ['DELETE', '/containers/a/checkpoints/b', 'container_checkpoint_delete', 'a'],
    ['DELETE', '/containers/a/b', 'container_delete', 'a/b'],
    ['GET', '/images/registry:5000/team/app:1.2/json', 'image_inspect', 'registry:5000/team/app:1.2'],
    ['GET', '/networks/', 'network_list', ''],
    ['GET', '/networks/a', 'network_inspect', 'a'],
    ['POST', '/services/create', 'service_create', ''],
  ] as const)('%s %s is %s of "%s" (T-08)', (method, path, action, name) => {
    expect(classify(method, path)).toMatchObject({ action, name });
  });

  it.each([
    ['GET', '/containers/create'],
    ['HEAD', '/containers/a/json'],
    ['POST', '/containers/a/exec/'],
    ['GET', '/Containers/json'],
    ['GET', '/containers/create/'],
    ['GET', '/'],
    ['GET', '/services/a/b'],
    ['PUT', '/nowhere'],
  ] as const)('%s %s is unknown, as the engine answers 404 or 405', (method, path) => {
    expect(classify(method, path)).toMatchObject({ action: 'unknown', class: 'write', route: '' });
  });

  it('does not call a GET a plain read when it writes or takes contents out (T-14)', () => {
    expect(classify('GET', '/containers/x/attach/ws').class).toBe('write');
    for (const path of [
      '/containers/x/archive',
      '/containers/x/export',
      '/images/get',
      '/images/a/b/get',
      '/swarm/unlockkey',
      '/configs/x',
      '/debug/pprof/heap',
      '/debug/pprof/',
      '/debug/vars',
    ]) {
      expect(`${path} ${classify('GET', path).class}`).toBe(`${path} sensitive-read`);
    }
    expect(classify('POST', '/debug/pprof/symbol').action).toBe('debug_pprof_symbol');
    expect(classify('OPTIONS', '/debug/vars').action).toBe('docker_options');
  });
});
