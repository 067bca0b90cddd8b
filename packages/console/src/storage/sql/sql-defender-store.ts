// Enrolled Defenders and waiting tokens over SQL. Implements the port of the Defenders' feature.
import type { Kysely } from 'kysely';
import type { DefenderStore } from '../../defenders/defender-store.ts';
import type { ControlSchema } from './control-schema.ts';

/** Opens the store on the control database. Whoever opened that closes it. */
export function createDefenderStore(db: Kysely<ControlSchema>): DefenderStore {
  return {
    list: async () => {
      const rows = await db.selectFrom('defenders').selectAll().orderBy('defender_id').execute();
      return rows.map((row) => ({
        defenderId: row.defender_id,
        name: row.name,
        cluster: row.cluster,
        labels: JSON.parse(row.labels) as Record<string, string>,
        enrolledAt: row.enrolled_at,
        certificateExpiresAt: row.certificate_expires_at,
        refuseIssuedUntil: row.refuse_issued_until,
        revokedAt: row.revoked_at ?? undefined,
        lastSeenAt: row.last_seen_at,
        hostname: row.hostname,
      }));
    },
    save: async (defender) => {
      const row = {
        name: defender.name,
        cluster: defender.cluster,
        labels: JSON.stringify(defender.labels),
        enrolled_at: defender.enrolledAt,
        certificate_expires_at: defender.certificateExpiresAt,
        refuse_issued_until: defender.refuseIssuedUntil,
        revoked_at: defender.revokedAt ?? null,
        last_seen_at: defender.lastSeenAt,
        hostname: defender.hostname,
      };
      await db
        .insertInto('defenders')
        .values({ defender_id: defender.defenderId, ...row })
        .onConflict((conflict) => conflict.column('defender_id').doUpdateSet(row))
        .execute();
    },
    addToken: async ({ digest, expiresAt, ...bound }) => {
      await db
        .insertInto('defender_tokens')
        .values({ digest, expires_at: expiresAt, body: JSON.stringify(bound) })
        .execute();
    },
    takeToken: async (digest, now) => {
      await db.deleteFrom('defender_tokens').where('expires_at', '<', now).execute();
      const row = await db.selectFrom('defender_tokens').selectAll().where('digest', '=', digest).executeTakeFirst();
      if (row === undefined) return undefined;
      const { numDeletedRows } = await db.deleteFrom('defender_tokens').where('digest', '=', digest).executeTakeFirst();
      if (numDeletedRows === 0n) return undefined;
      const bound = JSON.parse(row.body) as Omit<Parameters<DefenderStore['addToken']>[0], 'digest' | 'expiresAt'>;
      return { ...bound, digest, expiresAt: row.expires_at };
    },
  };
}
