// The one reading of a request body: bytes in, the canonical value that is judged and the text that is forwarded out.
// Invariant: what two engines, or the guard and an engine, could read differently is refused with 400; the text that
// is forwarded, read again by any JSON parser, is the value that was judged.
import { type BodyObject, type BodyValue, conform, formatBody, type ShapeFault } from './body-schema.ts';
import { bodyRules, hostConfigFields } from './docker-bodies.ts';
import { type JsonFault, type JsonLimits, parseGoJson } from './go-json.ts';

/** A body that has exactly one reading. */
export interface CanonicalBody {
  readonly kind: 'body';
  /** What is judged; undefined when there is no body or it is JSON null. */
  readonly value: BodyValue | undefined;
  /** What is forwarded, empty when nothing was sent. UTF-8, to be sent as `application/json`. */
  readonly text: string;
  /**
   * Keys the schema does not know, forwarded as they came. A newer engine may honour them: refuse the call when a
   * blocking rule depends on the body being judged whole. Holds the client's text.
   */
  readonly unknownKeys: readonly string[];
}

/** Why a body is refused. */
export type BodyRefusalCode =
  | JsonFault['code']
  | ShapeFault['code']
  | 'body-missing'
  | 'not-an-object'
  | 'legacy-host-config'
  | 'start-with-body'
  | 'form-body';

/** A body that is not forwarded. Answer with the status. */
export interface BodyRefusal {
  readonly kind: 'refusal';
  readonly status: 400;
  readonly code: BodyRefusalCode;
  /** A sentence for people. Names fields of the API, never what the client sent. */
  readonly reason: string;
}

const reasons: Readonly<Record<BodyRefusalCode, string>> = {
  syntax: 'The body is not valid JSON.',
  'trailing-data': 'The body holds more than one JSON value.',
  encoding: 'The body holds text that is not valid UTF-8.',
  'too-deep': 'The body is nested too deeply.',
  'too-many-values': 'The body holds too many values.',
  empty: 'The body is empty.',
  'wrong-type': 'A field of the body has the wrong type',
  'repeated-key': 'A key is there twice in one object of the body (upper and lower case are the same)',
  'out-of-range': 'A number of the body is out of range',
  'body-missing': 'The request has no body, so there is nothing to judge.',
  'not-an-object': 'The body is not a JSON object.',
  'legacy-host-config':
    'A field of HostConfig stands at the top level of the body, where some engines honour it and others do not. Put it under HostConfig',
  'start-with-body': 'Starting a container with a body is refused: old engines would change the container by it.',
  'form-body': 'A form body is refused: the engine would let it override the query.',
};

function refuse(code: BodyRefusalCode, path = ''): BodyRefusal {
  const reason = reasons[code];
  return {
    kind: 'refusal',
    status: 400,
    code,
    reason: reason.endsWith('.') ? reason : `${reason}${path === '' ? '' : `: ${path}`}.`,
  };
}

/** True when Go reads the value as absent: false, zero, empty. */
function isZero(value: BodyValue | undefined): boolean {
  if (value === undefined || value === null || value === false || value === '' || value === 0) return true;
  return typeof value === 'object' && Object.values(value).every((member) => isZero(member as BodyValue));
}

const legacyKeys: readonly string[] = [...Object.keys(hostConfigFields), 'Cpuset'];

/** Takes HostConfig's fields off the top level of a create body; the first that would do something is named. */
function dropLegacyKeys(create: BodyObject): { readonly value: BodyObject } | { readonly legacyKey: string } {
  const found = legacyKeys.find((key) => !isZero(create[key]));
  if (found !== undefined) return { legacyKey: found };
  const value = Object.create(null) as Record<string, BodyValue | undefined>;
  let hasDropped = false;
  for (const [key, member] of Object.entries(create)) {
    if (legacyKeys.includes(key)) hasDropped = true;
    else value[key] = member;
  }
  // Engines that read them would have made a HostConfig of them, be it an empty one.
  if (hasDropped && value['HostConfig'] === undefined) value['HostConfig'] = {};
  return { value };
}

/**
 * Reads the body of a JSON route. Never throws. `action` is the classification's; one that has no schema, as a route
 * without a JSON body, gives the empty body. The caller limits the size (4 MiB is plenty) and forces
 * `Content-Type: application/json` upstream, whatever the client sent.
 */
export function canonicaliseBody(
  action: string,
  bytes: Uint8Array,
  limits: JsonLimits = {},
): CanonicalBody | BodyRefusal {
  const rule = bodyRules.get(action);
  const nothing: CanonicalBody = { kind: 'body', value: undefined, text: '', unknownKeys: [] };
  if (rule === undefined) return nothing;
  const parsed = parseGoJson(bytes, limits);
  if (parsed.fault !== undefined) {
    if (parsed.fault.code !== 'empty') return refuse(parsed.fault.code);
    return rule.isRequired ? refuse('body-missing') : nothing;
  }
  const conformed = conform(parsed.value, rule.shape);
  if (conformed.fault !== undefined) return refuse(conformed.fault.code, conformed.fault.path);
  const { unknownKeys } = conformed;
  const { value } = conformed;
  if (value === undefined) return rule.isRequired ? refuse('not-an-object') : { ...nothing, text: 'null' };

  if (action === 'container_start')
    return isZero(value) && unknownKeys.length === 0 ? nothing : refuse('start-with-body');
  if (action === 'container_create') {
    const dropped = dropLegacyKeys(value as BodyObject);
    if ('legacyKey' in dropped) return refuse('legacy-host-config', dropped.legacyKey);
    return { kind: 'body', value: dropped.value, text: formatBody(dropped.value), unknownKeys };
  }
  return { kind: 'body', value, text: formatBody(value), unknownKeys };
}

/** True for the media types whose body Go's ParseForm would let override the query, however they are spelled. */
export function isFormContentType(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase();
  return mediaType === 'application/x-www-form-urlencoded' || mediaType === 'multipart/form-data';
}

/** The refusal of a form body. Ask for POST and PUT on every route, when the request has a body. */
export function refuseFormBody(): BodyRefusal {
  return refuse('form-body');
}
