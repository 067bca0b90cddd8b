// Shapes of request bodies, and the step from parsed JSON to one canonical value of such a shape.
// Invariant: keys of structs are folded as Go folds them and carry the schema's spelling afterwards; a key that comes
// twice, a wrong type or a number out of range has no canonical value. Null is the same as absent.
import { foldKey, type JsonNode, JsonNumber, JsonObject } from './go-json.ts';

/** A canonical value. Integers beyond what a number holds exactly are bigints; null is only inside {@link any}. */
export type BodyValue = null | string | boolean | number | bigint | readonly BodyValue[] | BodyObject;

/** A canonical object without a prototype. Absent members are zero values in Go. */
export interface BodyObject {
  readonly [key: string]: BodyValue | undefined;
}

/** The shape of a value. */
export type Shape =
  | { readonly kind: 'string' | 'boolean' | 'integer' | 'number' | 'any' | 'text-or-list' }
  | { readonly kind: 'list' | 'map'; readonly of: Shape }
  | {
      readonly kind: 'struct';
      /** By spelling of the schema. */
      readonly named: ReadonlyMap<string, Field>;
      /** By folded name. */
      readonly folded: ReadonlyMap<string, Field>;
    };

/** One field of a struct. */
interface Field {
  readonly name: string;
  readonly shape: Shape;
}

/** A text. */
export const text: Shape = { kind: 'string' };
/** True or false. */
export const flag: Shape = { kind: 'boolean' };
/** A 64-bit integer. */
export const integer: Shape = { kind: 'integer' };
/** A floating-point number. */
export const number: Shape = { kind: 'number' };
/** Anything; passes as it is, repeated keys refused. */
export const any: Shape = { kind: 'any' };
/** A list of texts, or one text that stands for a list of one. */
export const textOrList: Shape = { kind: 'text-or-list' };
/** A list. */
export const list = (of: Shape): Shape => ({ kind: 'list', of });
/** An object with keys of the client's choice, which are case-sensitive. A null member is the zero value, as in Go. */
export const map = (of: Shape): Shape => ({ kind: 'map', of });
/** An object with known keys, folded. */
export function struct(fields: Readonly<Record<string, Shape>>): Shape {
  const all = Object.entries(fields).map(([name, shape]): Field => ({ name, shape }));
  return {
    kind: 'struct',
    named: new Map(all.map((field) => [field.name, field])),
    folded: new Map(all.map((field) => [foldKey(field.name), field])),
  };
}

/** Why a body has no canonical value. `path` names keys of the schema only, never the client's text. */
export interface ShapeFault {
  readonly code: 'wrong-type' | 'repeated-key' | 'out-of-range';
  readonly path: string;
}

/** What {@link conform} gives. */
export type Conformed =
  | {
      /** Undefined for null. */
      readonly value: BodyValue | undefined;
      /** Paths of keys that the schema does not know; they are kept as they came. */
      readonly unknownKeys: readonly string[];
      readonly fault?: never;
    }
  | { readonly fault: ShapeFault };

/** Thrown inside {@link conform} only. */
class Misfit extends Error {
  readonly fault: ShapeFault;
  constructor(fault: ShapeFault) {
    super(fault.code);
    this.fault = fault;
  }
}

const maxInt64 = 2n ** 63n - 1n;

function toInteger(digits: string, path: string): number | bigint {
  if (!/^-?\d+$/.test(digits)) throw new Misfit({ code: 'wrong-type', path });
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return value + 0;
  const big = BigInt(digits);
  if (big > maxInt64 || big < -maxInt64 - 1n) throw new Misfit({ code: 'out-of-range', path });
  return big;
}

function toNumber(digits: string, path: string): number | bigint {
  if (/^-?\d+$/.test(digits)) {
    const value = Number(digits);
    if (Number.isSafeInteger(value)) return value + 0;
    if (digits.length <= 20) return BigInt(digits);
  }
  const value = Number(digits);
  if (!Number.isFinite(value)) throw new Misfit({ code: 'out-of-range', path });
  return value;
}

/** A fresh object without a prototype, so that no key of a client means anything to the language. */
function emptyObject(): Record<string, BodyValue> {
  return Object.create(null) as Record<string, BodyValue>;
}

/** Brings a parsed value into a shape. Never throws. Unknown keys of structs are kept and listed. */
export function conform(node: JsonNode, shape: Shape): Conformed {
  const unknownKeys: string[] = [];

  const members = (object: JsonObject, path: string, of: (key: string) => Shape): BodyObject => {
    const result = emptyObject();
    const seen = new Set<string>();
    for (const [key, value] of object.members) {
      if (seen.has(key)) throw new Misfit({ code: 'repeated-key', path });
      seen.add(key);
      result[key] = visit(value, of(key), path) ?? zero(of(key));
    }
    return result;
  };

  const fields = (object: JsonObject, path: string, shape: Extract<Shape, { kind: 'struct' }>): BodyObject => {
    const result = emptyObject();
    const seen = new Set<string | Field>();
    for (const [key, value] of object.members) {
      const field = shape.named.get(key) ?? shape.folded.get(foldKey(key));
      const identity = field ?? foldKey(key);
      if (seen.has(identity)) throw new Misfit({ code: 'repeated-key', path });
      seen.add(identity);
      if (field === undefined) unknownKeys.push(path === '' ? key : `${path}.${key}`);
      const name = field?.name ?? '?';
      const member = visit(value, field?.shape ?? any, path === '' ? name : `${path}.${name}`);
      if (member !== undefined) result[field?.name ?? key] = member;
    }
    return result;
  };

  const visit = (value: JsonNode, of: Shape, path: string): BodyValue | undefined => {
    if (value === null) return undefined;
    const wrong = (): never => {
      throw new Misfit({ code: 'wrong-type', path });
    };
    switch (of.kind) {
      case 'string':
        return typeof value === 'string' ? value : wrong();
      case 'boolean':
        return typeof value === 'boolean' ? value : wrong();
      case 'integer':
        return value instanceof JsonNumber ? toInteger(value.text, path) : wrong();
      case 'number':
        return value instanceof JsonNumber ? toNumber(value.text, path) : wrong();
      case 'text-or-list':
        if (typeof value === 'string') return [value];
        return Array.isArray(value) ? value.map((item) => visit(item, text, path) ?? '') : wrong();
      case 'list':
        // A null in a list is the element's zero value in Go.
        return Array.isArray(value) ? value.map((item) => visit(item, of.of, path) ?? zero(of.of)) : wrong();
      case 'map':
        return value instanceof JsonObject ? members(value, path, () => of.of) : wrong();
      case 'struct':
        return value instanceof JsonObject ? fields(value, path, of) : wrong();
      default:
        if (value instanceof JsonNumber) return toNumber(value.text, path);
        if (value instanceof JsonObject) return members(value, path, () => any);
        if (Array.isArray(value)) return value.map((item) => visit(item, any, path) ?? null);
        return typeof value === 'object' ? wrong() : value;
    }
  };

  try {
    return { value: visit(node, shape, ''), unknownKeys };
  } catch (error) {
    if (error instanceof Misfit) return { fault: error.fault };
    throw error;
  }
}

function zero(shape: Shape): BodyValue {
  switch (shape.kind) {
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
      return 0;
    case 'list':
    case 'text-or-list':
      return [];
    case 'any':
      return null;
    default:
      return emptyObject();
  }
}

/** The JSON text of a canonical value. */
export function formatBody(value: BodyValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(formatBody).join(',')}]`;
  const object = value as BodyObject;
  const members: string[] = [];
  for (const [key, member] of Object.entries(object)) {
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${formatBody(member)}`);
  }
  return `{${members.join(',')}}`;
}
