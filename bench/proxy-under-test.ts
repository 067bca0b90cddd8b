// The proxy as the bench measures it: identity, rules and recording on. Arguments: engine socket, own socket, journal directory.
import type { AccessRule, EventOutcome, Recorded, Recorder, Target } from '@dockledger/contract';
import {
  createDockerJudge,
  createDockerProxy,
  createIdentifier,
  createTargetFinder,
  EnginePool,
} from '@dockledger/defender';
import { openJournal } from '@dockledger/journal';
import { compileRules } from '@dockledger/rules';

const [engineSocket = '', ownSocket = '', directory = ''] = process.argv.slice(2);
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

const journal = await openJournal(directory);
const resolved = Promise.resolve();
let rids = 0;
function append(record: object): Recorded {
  journal.append(Buffer.from(JSON.stringify(record)));
  return { written: resolved, durable: () => journal.durable() };
}
const recorder: Recorder = {
  nextRid: () => `bench-${++rids}`,
  request: append,
  outcome: (rid: string, outcome: EventOutcome, target?: Target) =>
    append({ kind: 'outcome', rid, outcome, at: Date.now(), ...(target === undefined ? {} : { target }) }),
  refusal: undefined,
};

const pool = new EnginePool({ engine: { socketPath: engineSocket }, log });
const proxy = createDockerProxy({
  pool,
  identifier: createIdentifier({}),
  recorder,
  judge: createDockerJudge({ rules: () => rules, host: { hostname: 'bench' } }),
  facts: createTargetFinder({ pool }),
  log,
});
await proxy.listen({ path: ownSocket });
console.log('listening');

process.once('SIGTERM', () => {
  void (async () => {
    await proxy.close({ graceMs: 1000 });
    await journal.close();
    const { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ cpuUs: user + system, requests: proxy.stats().requests }));
    process.exit(0);
  })();
});
