// Issued certificates of people in the control store. Implements the port of user-certificates.
import type { Kysely } from 'kysely';
import type { UserCertificate, UserCertificateStore } from '../../user-certificates/user-certificate-store.ts';
import type { ControlSchema } from './control-schema.ts';

/** The store over a migrated database. */
export function createUserCertificateStore(db: Kysely<ControlSchema>): UserCertificateStore {
  return {
    list: async () => {
      const rows = await db.selectFrom('user_certificates').select('body').orderBy('issued_at', 'desc').execute();
      return rows.map(({ body }) => JSON.parse(body) as UserCertificate);
    },
    save: async (certificate) => {
      const body = JSON.stringify(certificate);
      await db
        .insertInto('user_certificates')
        .values({ serial_number: certificate.serialNumber, issued_at: certificate.issuedAt, body })
        .onConflict((conflict) => conflict.column('serial_number').doUpdateSet({ body }))
        .execute();
    },
  };
}
