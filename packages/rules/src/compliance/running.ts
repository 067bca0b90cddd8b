// Judges containers that run already: what an inspect answers, seen as the create that would have made it.
// Invariant: the same checks on the same view as at create, so that both say the same of one container.
import { asObject, objectAt, textAt } from '../body-access.ts';
import { type BodyObject, type BodyValue, conform } from '../body-schema.ts';
import { bodyRules } from '../docker-bodies.ts';
import { type JsonNode, JsonNumber, JsonObject } from '../go-json.ts';
import type { HostMount } from '../host-mounts.ts';
import { cleanHostPath } from '../host-path.ts';
import { type ComplianceFacts, toWorkload, type Workload } from './workload.ts';

/** A value that was parsed elsewhere, as a node; what JSON does not have becomes null. */
function toNode(value: unknown): JsonNode {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return new JsonNumber(String(value));
  if (Array.isArray(value)) return value.map(toNode);
  if (typeof value !== 'object' || value === null) return null;
  return new JsonObject(Object.entries(value).map(([key, member]) => [key, toNode(member)]));
}

function parse(value: unknown): BodyValue | undefined {
  const shape = bodyRules.get('container_create')?.shape;
  const conformed = shape === undefined ? undefined : conform(toNode(value), shape);
  return conformed === undefined || conformed.fault !== undefined ? undefined : conformed.value;
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

/** The mounts that an inspect (parsed JSON) lists, named volumes left out: they are looked up by their options. */
export function listedMounts(inspect: unknown): HostMount[] {
  const mounts = member(inspect, 'Mounts');
  return (Array.isArray(mounts) ? mounts : []).flatMap((mount: unknown): HostMount[] => {
    const source = member(mount, 'Source');
    if (member(mount, 'Type') !== 'bind' || typeof source !== 'string') return [];
    const propagation = member(mount, 'Propagation');
    return [
      {
        kind: 'bind',
        source: cleanHostPath(source),
        isReadOnly: member(mount, 'RW') === false,
        propagation: typeof propagation === 'string' ? propagation : '',
      },
    ];
  });
}

/** The view of a container by its inspect answer (parsed JSON), or undefined when that is no container's. */
export function toRunningWorkload(inspect: unknown, facts: ComplianceFacts = {}): Workload | undefined {
  const config = parse(member(inspect, 'Config'));
  const host = asObject(parse({ HostConfig: member(inspect, 'HostConfig') }));
  if (config === undefined || host['HostConfig'] === undefined) return undefined;
  const create: BodyObject = { ...asObject(config), HostConfig: objectAt(host, 'HostConfig') };
  // An inspect shows the image's environment, command and user as the container's own.
  const user = textAt(create, 'User');
  return toWorkload('container_create', create, {
    ...facts,
    image: { ...facts.image, user },
    inheritedMounts: [...(facts.inheritedMounts ?? []), ...listedMounts(inspect)],
  });
}
