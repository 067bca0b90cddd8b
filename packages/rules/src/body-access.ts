// Reads fields of a canonical body whose types its schema has already checked.
// Invariant: what is absent reads as Go's zero value.
import type { BodyObject, BodyValue } from './body-schema.ts';

const nothing: BodyObject = Object.freeze(Object.create(null) as BodyObject);

/** The value as an object; an empty one when it is none. */
export function asObject(value: BodyValue | undefined): BodyObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as BodyObject) : nothing;
}

/** The object under `key`; an empty one when it is absent. */
export function objectAt(object: BodyObject, key: string): BodyObject {
  return asObject(object[key]);
}

/** The text under `key`; empty when it is absent. */
export function textAt(object: BodyObject, key: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : '';
}

/** The number under `key`, rounded when it needs more than 53 bits; 0 when it is absent. */
export function numberAt(object: BodyObject, key: string): number {
  const value = object[key];
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0;
}

/** The flag under `key`; false when it is absent. */
export function flagAt(object: BodyObject, key: string): boolean {
  return object[key] === true;
}

/** The list under `key`; empty when it is absent. */
export function listAt(object: BodyObject, key: string): readonly BodyValue[] {
  const value = object[key];
  return Array.isArray(value) ? (value as readonly BodyValue[]) : [];
}

/** The texts in the list under `key`. */
export function textsAt(object: BodyObject, key: string): readonly string[] {
  return listAt(object, key).filter((item) => typeof item === 'string');
}

/** The keys and texts of the map under `key`. */
export function textMapAt(object: BodyObject, key: string): ReadonlyMap<string, string> {
  const entries = Object.entries(objectAt(object, key));
  return new Map(entries.map(([name, value]) => [name, typeof value === 'string' ? value : '']));
}
