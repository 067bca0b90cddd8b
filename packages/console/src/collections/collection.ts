// What a collection is: a named set of patterns over containers, images, hosts, clusters and more. `All` is built in.
import { type Static, Type } from 'typebox';

const patterns = () => Type.Optional(Type.Array(Type.String({ maxLength: 512 }), { maxItems: 10_000 }));

/** A collection as the compatible API names its parts. An omitted list means everything. */
export const Collection = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  description: Type.Optional(Type.String({ maxLength: 1000 })),
  color: Type.Optional(Type.String({ maxLength: 20 })),
  owner: Type.Optional(Type.String()),
  modified: Type.Optional(Type.String()),
  system: Type.Optional(Type.Boolean()),
  prisma: Type.Optional(Type.Boolean()),
  images: patterns(),
  containers: patterns(),
  hosts: patterns(),
  labels: patterns(),
  namespaces: patterns(),
  clusters: patterns(),
  accountIDs: patterns(),
  appIDs: patterns(),
  functions: patterns(),
  codeRepos: patterns(),
});
export type Collection = Static<typeof Collection>;

const everything = ['*'];

/** The collection that holds every event. Cannot be changed. */
export const allCollection: Collection = {
  name: 'All',
  description: 'System - all resources collection',
  color: '#3FA2F7',
  owner: 'system',
  system: true,
  images: everything,
  containers: everything,
  hosts: everything,
  labels: everything,
  namespaces: everything,
  clusters: everything,
  accountIDs: everything,
  appIDs: everything,
  functions: everything,
};
