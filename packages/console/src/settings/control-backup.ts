// The control data as one document, and back: who may sign in, rules, collections, enrolled Defenders, settings. What a restore
// must never do stands here: bring back a sign-in, an older number of the rules, or what has been revoked since.
import { type Static, Type } from 'typebox';

const Row = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Null()]));

/** A backup. It holds password hashes: whoever has it can try passwords at leisure. */
export const ControlBackup = Type.Object({
  format: Type.Literal(1),
  madeAt: Type.String(),
  /** Newest migration of the store it was made from. */
  schema: Type.String(),
  /** Rows by table. */
  tables: Type.Record(Type.String(), Type.Array(Row)),
});
export type ControlBackup = Static<typeof ControlBackup>;

/** Makes and takes backups while everything runs. */
export interface ControlBackups {
  /** All control data as it is at one moment. */
  dump(): Promise<ControlBackup>;
  /**
   * Puts the control data back, all or nothing. Everybody has to sign in again; the rules come into force under the next number;
   * Defenders and certificates that the store knows stay as they are, revoked ones too. Throws `bad_request` for a document that
   * is none, holds no administrator, or comes from a newer version.
   */
  restore(backup: unknown, by: string): Promise<void>;
}
