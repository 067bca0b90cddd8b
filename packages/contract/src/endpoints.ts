// `<data>/endpoints.json`: where everything listens. Scripts rely on it; written by rename when all is ready.
import { type Static, Type } from 'typebox';

const url = () => Type.Union([Type.String(), Type.Null()]);

/** Absent parts are null. Removed at start and at stop. */
export const Endpoints = Type.Object({
  console: url(),
  defenderChannel: url(),
  dockerProxy: url(),
  dockerTlsProxy: url(),
  authzPlugin: url(),
  caFile: url(),
  pid: Type.Integer(),
});
export type Endpoints = Static<typeof Endpoints>;
