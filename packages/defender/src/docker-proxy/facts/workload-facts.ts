// Looks up what compliance checks and device conditions need beside the request: the image's configuration, named
// volumes, mounts taken over from other containers, and the real paths behind bind sources.
// Invariant: nothing is cached, and what could not be asked is `unavailable`, never "harmless".
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  type BodyValue,
  cleanHostPath,
  type HostMount,
  hostMounts,
  type ImageFacts,
  listedMounts,
  mountDonors,
  mountHolderOf,
  namedVolumes,
  type VolumeFacts,
} from '@dockledger/rules';
import type { FactsUnavailable, WorkloadFacts } from '../proxy-context.ts';
import { member } from '../request-summary.ts';
import type { EngineAnswer } from './engine-query.ts';

/** Asks `GET path` of the engine. */
export type EngineAsk = (path: string) => Promise<EngineAnswer>;

// What the engine accepts as a name; anything else it refuses by itself.
const plainName = /^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const dayMs = 86_400_000;

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What checks need of an image, from its inspect answer. */
export function imageFacts(inspected: unknown, nowMs: number): ImageFacts {
  const config = member(inspected, 'Config');
  const created = Date.parse(textOf(member(inspected, 'Created')));
  const test = texts(member(member(config, 'Healthcheck'), 'Test'));
  const ports = member(config, 'ExposedPorts');
  return {
    user: textOf(member(config, 'User')),
    hasHealthcheck: test.length > 0 && test[0] !== 'NONE',
    exposedPorts: typeof ports === 'object' && ports !== null ? Object.keys(ports) : [],
    command: [...texts(member(config, 'Entrypoint')), ...texts(member(config, 'Cmd'))],
    environment: texts(member(config, 'Env')),
    ...(Number.isNaN(created) ? {} : { ageDays: Math.floor((nowMs - created) / dayMs) }),
  };
}

/** The body that would make the exec that an inspect answer shows. */
export function execBody(inspected: unknown): BodyValue {
  const process = member(inspected, 'ProcessConfig');
  return {
    Privileged: member(process, 'privileged') === true,
    User: textOf(member(process, 'user')),
    Cmd: [textOf(member(process, 'entrypoint')), ...texts(member(process, 'arguments'))],
  };
}

/** A path with its symlinks resolved; of one that does not exist, the part that does. */
export async function realHostPath(path: string): Promise<string | undefined> {
  let missing = '';
  for (let at = path; ; at = dirname(at)) {
    try {
      return join(await realpath(at), missing);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (at === '/' || (code !== 'ENOENT' && code !== 'ENOTDIR')) return undefined;
      missing = join(basename(at), missing);
    }
  }
}

function volumeFacts(inspected: unknown): VolumeFacts {
  const options = member(inspected, 'Options');
  const entries = typeof options === 'object' && options !== null ? Object.entries(options) : [];
  return {
    driver: textOf(member(inspected, 'Driver')),
    options: Object.fromEntries(entries.map(([key, value]) => [key, textOf(value)])),
  };
}

async function findAll(
  ask: EngineAsk,
  folder: 'volumes' | 'containers',
  names: readonly string[],
): Promise<Map<string, unknown> | FactsUnavailable> {
  const found = new Map<string, unknown>();
  for (const name of new Set(names)) {
    if (!plainName.test(name)) continue;
    const bare = name.replace(/^\//, '');
    const answer = await ask(folder === 'volumes' ? `/volumes/${bare}` : `/containers/${bare}/json`);
    if ('unavailable' in answer) return answer;
    if (answer.status === 200) found.set(name, answer.value);
  }
  return found;
}

/** Names of the volumes that a container of this inspect answer uses. */
function volumesOf(inspected: unknown): string[] {
  const mounts = member(inspected, 'Mounts');
  return (Array.isArray(mounts) ? mounts : [])
    .filter((mount: unknown) => member(mount, 'Type') === 'volume')
    .map((mount: unknown) => textOf(member(mount, 'Name')));
}

/** Gathers the facts of a canonical body; empty ones for actions that mount nothing. Never rejects. */
export async function findMountFacts(
  ask: EngineAsk,
  action: string,
  body: BodyValue | undefined,
): Promise<WorkloadFacts | FactsUnavailable> {
  const holder = mountHolderOf(action, body);
  if (holder === undefined) return {};
  const donors = await findAll(ask, 'containers', mountDonors(holder));
  if (!(donors instanceof Map)) return donors;
  const inherited = [...donors.values()];
  const inheritedVolumes = inherited.flatMap(volumesOf);
  const volumes = await findAll(ask, 'volumes', [...namedVolumes(holder), ...inheritedVolumes]);
  if (!(volumes instanceof Map)) return volumes;
  const lookup = (name: string): VolumeFacts | undefined =>
    volumes.has(name) ? volumeFacts(volumes.get(name)) : undefined;
  const inheritedMounts: HostMount[] = [
    ...inherited.flatMap(listedMounts),
    ...hostMounts({ Binds: inheritedVolumes.map((name) => `${name}:/inherited`) }, lookup),
  ];
  const realPaths = new Map<string, string>();
  for (const { kind, source } of [...hostMounts(holder, lookup), ...inheritedMounts]) {
    if (kind === 'network' || realPaths.has(source)) continue;
    const real = await realHostPath(source);
    if (real !== undefined && cleanHostPath(real) !== source) realPaths.set(source, cleanHostPath(real));
  }
  return { volumes: lookup, realPaths, inheritedMounts };
}
