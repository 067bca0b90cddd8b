// The proxy as the bench measures it: identity, rules and recording on. Arguments: engine socket, own socket, spool
// directory and, for both nets together, the socket of the authorization plugin.
import type { AccessRule } from '@dockledger/contract';
import { compileRules } from '@dockledger/rules';
import { createAuthzPlugin } from '../packages/defender/src/docker-proxy/authz-plugin/authz-plugin.ts';
import { createPassMarks } from '../packages/defender/src/docker-proxy/authz-plugin/pass-marks.ts';
import { createDockerJudge } from '../packages/defender/src/docker-proxy/docker-judge.ts';
import { createDockerProxy } from '../packages/defender/src/docker-proxy/docker-proxy.ts';
import { EnginePool } from '../packages/defender/src/docker-proxy/engine-pool.ts';
import { createTargetFinder } from '../packages/defender/src/docker-proxy/facts/target-finder.ts';
import { createIdentifier } from '../packages/defender/src/identity/identifier.ts';
import { openSpool } from '../packages/defender/src/spool/spool.ts';

const [engineSocket = '', ownSocket = '', directory = '', pluginSocket] = process.argv.slice(2);
const log = {
  debug: () => {},
  info: () => {},
  warn: (facts: object, text: string) => console.error(text, facts),
  error: (facts: object, text: string) => console.error(text, facts),
};

const deniedActions = ['container_delete', 'image_delete', 'volume_remove', 'container_exec_create'];
const accessRules: AccessRule[] = Array.from({ length: 199 }, (_, n) => ({
  name: `rule ${n}`,
  effect: n % 3 === 0 ? 'alert' : 'deny',
  action: [n % 2 === 0 ? (deniedActions[n % 4] ?? '*') : '*'],
  principal: [`user${n}`],
}));
accessRules.push({ name: 'Default - allow all', effect: 'allow' });
const rules = compileRules(accessRules);

const spool = await openSpool(directory, {
  defenderId: 'bench',
  host: { hostname: 'bench', fqdn: '', cluster: '', accountID: '' },
});

const pool = new EnginePool({ engine: { socketPath: engineSocket }, log });
const marks = createPassMarks();
const marked =
  pluginSocket === undefined ? {} : { passMark: (method: string, target: string) => marks.issue(method, target) };
const judge = createDockerJudge({ rules: () => rules, host: { hostname: 'bench' } });
const facts = createTargetFinder({ pool, ...marked });
const proxy = createDockerProxy({
  ...marked,
  pool,
  identifier: createIdentifier({}),
  recorder: spool.recorder,
  judge,
  facts,
  log,
});
const plugin = createAuthzPlugin({
  marks,
  judge,
  judgeOfUnknown: judge,
  facts,
  recorder: spool.recorder,
  log,
  settings: { brand: 'Dockledger', durability: 'standard', whenUnrecordable: 'refuse' },
});
if (pluginSocket !== undefined) await plugin.listen({ path: pluginSocket });
await proxy.listen({ path: ownSocket });
console.log('listening');

process.once('SIGTERM', () => {
  void (async () => {
    await proxy.close({ graceMs: 1000 });
    await plugin.close();
    await spool.close();
    const { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ cpuUs: user + system, requests: proxy.stats().requests }));
    process.exit(0);
  })();
});
