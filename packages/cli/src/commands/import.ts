// `dockledger import`: takes over users, groups, roles, collections and rules from JSON that the vendor's API gave.
// Invariant: nothing changes before --apply, and what has no counterpart is named.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError } from '@dockledger/contract';
import type { ConsoleClient } from '../console-client.ts';
import { exitCode } from '../exit-code.ts';
import { type ImportStep, planImport } from './import-plan.ts';

/** What to import. */
export interface ImportRequest {
  /** File of JSON. */
  readonly from: string | undefined;
  readonly apply: boolean;
  readonly json: boolean;
  readonly openConsole: () => Promise<ConsoleClient>;
}

const api = '/api/v1';
/** Where each kind lives, and which field of its list is its id. */
const homes = {
  collection: { path: '/collections', id: 'name', one: true },
  role: { path: '/rbac/roles', id: 'name', one: true },
  user: { path: '/users', id: 'username', one: false },
  group: { path: '/groups', id: 'groupName', one: true },
  rules: { path: '/policies/docker', id: '', one: false },
  'compliance rules': { path: '/policies/compliance/container', id: '', one: false },
  'custom labels': { path: '/settings/custom-labels', id: '', one: false },
} as const;

/** Shows the plan, and with `apply` carries it out. Throws `bad_setting` without a readable file. */
export async function importCommand({ from, apply, json, openConsole }: ImportRequest): Promise<number> {
  const plan = planImport(await readDocument(from));
  const client = await openConsole();
  const planned: { readonly step: ImportStep; readonly exists: boolean }[] = [];
  for (const step of plan.steps) planned.push({ step, exists: await isThere(client, step) });
  const passwords: Record<string, string> = {};
  if (apply) {
    for (const { step, exists } of planned) {
      const password = await carryOut(client, step, exists);
      if (password !== undefined) passwords[step.id] = password;
    }
  }
  const shown = planned.map(({ step, exists }) => ({
    kind: step.kind,
    name: step.id,
    does: exists ? 'replaces' : 'adds',
  }));
  if (json) console.log(JSON.stringify({ applied: apply, steps: shown, notes: plan.notes, passwords }));
  else {
    for (const { kind, name, does } of shown)
      console.log(`${does.padEnd(9)}${kind} ${kind === name ? '' : `"${name}"`}`);
    for (const note of plan.notes) console.log(`note     ${note}`);
    for (const [name, password] of Object.entries(passwords)) console.log(`password of "${name}": ${password}`);
    console.log(apply ? 'Done.' : 'Nothing was changed. Add --apply to do it.');
  }
  return exitCode.ok;
}

async function readDocument(from: string | undefined): Promise<unknown> {
  if (from === undefined)
    throw new AppError('bad_setting', 'Say which file: `dockledger import --from FILE [--apply]`.');
  try {
    return JSON.parse(await readFile(from, 'utf8')) as unknown;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'it is no JSON';
    throw new AppError('bad_setting', `Option --from is "${from}", which cannot be read (${reason}).`);
  }
}

async function isThere(client: ConsoleClient, { kind, id }: ImportStep): Promise<boolean> {
  const home = homes[kind];
  if (home.id === '') return true;
  const list = await client.json<readonly Record<string, unknown>[]>(`${api}${home.path}`);
  return list.some((entry) => entry[home.id] === id);
}

/** Gives the password that was made for a new user. */
async function carryOut(client: ConsoleClient, step: ImportStep, exists: boolean): Promise<string | undefined> {
  const { path, one } = homes[step.kind];
  const needsPassword = step.kind === 'user' && !exists && !step.body['password'];
  const password = needsPassword ? randomBytes(18).toString('base64url') : undefined;
  const body = { ...step.body, ...(password !== undefined && { password }) };
  const place = exists && one ? `${path}/${encodeURIComponent(step.id)}` : path;
  await client.json(`${api}${place}`, exists ? 'PUT' : 'POST', body);
  return password;
}
