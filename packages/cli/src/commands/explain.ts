// `dockledger explain`: why a docker command, or a call on record, is allowed or denied: the canonical request, each rule
// looked at, and which one decided. Exit code 0 when everything is allowed, 1 when something is denied.
import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { AppError, RuleSet, type StoredAccessEvent, type Target } from '@dockledger/contract';
import { parseUnixAddress } from '@dockledger/defender';
import { type RuleStep, routes } from '@dockledger/rules';
import { Value } from 'typebox/value';
import type { ConsoleClient } from '../console-client.ts';
import { exitCode } from '../exit-code.ts';
import { type DockerRequest, toDockerRequests } from '../explain/docker-requests.ts';
import {
  type ExplainedCaller,
  type ExplainedHost,
  type ExplainedRequest,
  explainCall,
  explainRequest,
} from '../explain/explain-request.ts';
import { createTargetLookUp } from '../explain/target-look-up.ts';
import { printable } from './events.ts';

/** Options of the command that take a value. */
export const explainOptions: readonly string[] = ['--as', '--groups', '--rules', '--event'];

/** What to explain. */
export interface ExplainRequest {
  readonly dataDir: string;
  readonly options: ReadonlyMap<string, string>;
  /** The docker command line; empty with `--event`. */
  readonly line: readonly string[];
  readonly engine: string;
  readonly brand: string;
  readonly host: { readonly hostname: string; readonly cluster: string; readonly accountId: string };
  readonly json: boolean;
  /** Opens the Console, when it is needed. */
  readonly openConsole: () => Promise<ConsoleClient>;
}

/** Where the rules came from, and when they were in force. */
interface FoundRules {
  readonly ruleSet: RuleSet;
  readonly source: string;
}

function checkRules(value: unknown, source: string): FoundRules {
  if (Value.Check(RuleSet, value)) return { ruleSet: value, source };
  const [first] = Value.Errors(RuleSet, value);
  throw new AppError('bad_rule', `${source} holds no rule set: ${first?.instancePath ?? ''} ${first?.message ?? ''}.`);
}

async function readRules(path: string): Promise<FoundRules> {
  return checkRules(JSON.parse(await readFile(path, 'utf8')), path);
}

async function findRules({ dataDir, options, openConsole }: ExplainRequest): Promise<FoundRules> {
  const file = options.get('--rules');
  if (file !== undefined) return readRules(file);
  const path = join(dataDir, 'defender/rules.json');
  try {
    return await readRules(path);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // Not a Defender's host, or not its root: the Console knows them too.
    const client = await openConsole();
    return checkRules(await client.json('/api/dockledger/v1/rules'), `${client.url}/api/dockledger/v1/rules`);
  }
}

function callerOf(options: ReadonlyMap<string, string>): ExplainedCaller {
  const user = options.get('--as') ?? process.env['SUDO_USER'] ?? userInfo().username;
  const groups = (options.get('--groups') ?? '').split(',').filter((group) => group !== '');
  const ownId = options.has('--as') || process.env['SUDO_USER'] !== undefined ? [] : [`uid:${userInfo().uid}`];
  return { user, principals: [user, ...ownId], groups };
}

/** The names that a recorded actor has for rules. */
export function principalsOf({ actor }: StoredAccessEvent): string[] {
  return [
    ...(actor.user === '' ? [] : [actor.user]),
    ...(actor.uid === undefined ? [] : [`uid:${actor.uid}`]),
    ...(actor.certificate === undefined ? [] : [actor.certificate]),
    ...(actor.containerName === undefined ? [] : [`container:${actor.containerName.replace(/^\//, '')}`]),
  ];
}

function devicesOf(summary: Readonly<Record<string, unknown>> | undefined): string[] {
  const texts = (value: unknown, pick: (each: unknown) => unknown): string[] =>
    (Array.isArray(value) ? value : []).map(pick).filter((each): each is string => typeof each === 'string');
  const field = (name: string) => (each: unknown) =>
    typeof each === 'object' && each !== null ? (each as Record<string, unknown>)[name] : undefined;
  return [
    ...texts(summary?.['Binds'], (each) => (typeof each === 'string' ? each.split(':')[0] : undefined)),
    ...texts(summary?.['Mounts'], field('Source')),
    ...texts(summary?.['Devices'], field('PathOnHost')),
  ].filter((path) => path.startsWith('/'));
}

async function explainEvent(
  request: ExplainRequest,
  id: string,
): Promise<{ source: string; requests: ExplainedRequest[] }> {
  const client = await request.openConsole();
  const event = await client.json<StoredAccessEvent>(`/api/dockledger/v1/events/${encodeURIComponent(id)}`);
  if (event.type !== 'docker' || event.request === undefined)
    throw new AppError('bad_request', `Event ${id} is of type ${event.type}: only Docker calls are judged by rules.`);
  const { ruleSet, source } = await findRules(request);
  const { method, route, target: recorded } = event.request;
  // The event of a compliance block is named create, as its readers expect; the route tells the action.
  const found = routes.find(
    (each) => each.template === route && (each.method === method || (method === 'HEAD' && each.method === 'GET')),
  );
  const { hostname: name, fqdn, cluster, accountID } = event.host;
  const host: ExplainedHost = { hostname: name, fqdn, cluster, accountID };
  const action = found?.action ?? event.api;
  const judged = explainCall(
    ruleSet,
    {
      action,
      class: found?.class ?? 'write',
      caller: { user: event.actor.user, principals: principalsOf(event), groups: event.actor.groups ?? [] },
      host,
      target: { target: event.target },
      body: undefined,
      hostDevices: devicesOf(event.request.summary),
    },
    request.brand,
  );
  const shown: ExplainedRequest = {
    request: `${method} ${recorded ?? route}`,
    action,
    class: found?.class ?? 'write',
    target: event.target,
    isUnresolved: false,
    ...judged,
    recorded: event.decision,
  };
  return { source, requests: [shown] };
}

async function explainLine(request: ExplainRequest): Promise<{ source: string; requests: ExplainedRequest[] }> {
  const planned: readonly DockerRequest[] = toDockerRequests(request.line);
  const { ruleSet, source } = await findRules(request);
  const caller = callerOf(request.options);
  const { hostname: named, cluster, accountId } = request.host;
  const host: ExplainedHost = { hostname: named === '' ? hostname() : named, cluster, accountID: accountId };
  const lookUp = createTargetLookUp(parseUnixAddress('engine', request.engine));
  const requests: ExplainedRequest[] = [];
  for (const each of planned) {
    const explained = await explainRequest(ruleSet, each, { caller, host, brand: request.brand, lookUp });
    requests.push(explained);
    // What was refused is not followed by the rest of the command.
    if (explained.effect === 'deny') break;
  }
  return { source, requests };
}

const says: Readonly<Record<RuleStep['verdict'], string>> = {
  decided: 'DECIDES',
  found: 'would have refused it (alert)',
  'other-action': 'is for other actions',
  'other-principal': 'is for other users',
  'other-group': 'is for other groups',
  'other-collection': 'is for other collections',
  'condition-held': 'its condition holds',
  'not-reached': 'not reached',
};

function nameOf(target: Target): string {
  return [target.containerName, target.imageName, target.other].filter(Boolean).join(' ');
}

function print(explained: ExplainedRequest): void {
  const line = (text: string) => console.log(printable(text));
  line(explained.request);
  line(`  action   ${explained.action} (${explained.class})`);
  const named = nameOf(explained.target);
  if (named !== '' || explained.isUnresolved)
    line(
      `  target   ${named}${explained.isUnresolved ? ' (not looked up: scoped denials apply, scoped permits do not)' : ''}`,
    );
  if (explained.body !== undefined) line(`  body     ${explained.body}`);
  for (const [at, { rule, effect, verdict }] of explained.steps.entries())
    line(`  ${String(at + 1).padStart(3)}  ${effect.padEnd(5)}  ${rule}: ${says[verdict]}`);
  for (const { rule, effect, text } of explained.compliance?.findings ?? [])
    line(`  compliance  ${effect === 'deny' ? 'block' : 'alert'}  ${rule}: ${text}`);
  line(
    `  => ${explained.effect === 'deny' ? 'DENIED' : 'allowed'} by ${explained.rule === '' ? 'the reading of the request' : explained.rule}`,
  );
  line(`     ${explained.text}`);
  const { recorded } = explained;
  if (recorded !== undefined)
    line(`  on record: ${recorded.effect} by ${recorded.rule} (${recorded.reason}): ${recorded.text}`);
}

/** Explains and prints. Returns the exit code. */
export async function explainCommand(request: ExplainRequest): Promise<number> {
  const event = request.options.get('--event');
  if ((event === undefined) === (request.line.length === 0)) {
    throw new AppError(
      'bad_setting',
      'Give a docker command line or --event ID, for instance: dockledger explain --as alice docker run --privileged alpine.',
    );
  }
  const { source, requests } = event === undefined ? await explainLine(request) : await explainEvent(request, event);
  const isAllowed = requests.every(({ effect }) => effect === 'allow');
  if (request.json) console.log(JSON.stringify({ allowed: isAllowed, rules: source, requests }));
  else {
    for (const explained of requests) print(explained);
    console.log(`Rules of ${source}.`);
  }
  return isAllowed ? exitCode.ok : exitCode.failed;
}
