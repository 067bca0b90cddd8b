// Backup and restore of the control data while the Console runs. For administrators; both go on record, their content does not.
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { signedInOf } from '../sessions/route-access.ts';
import { ControlBackup, type ControlBackups } from './control-backup.ts';

const mayDo = { access: { permission: 'privilegedOperations', grant: 'write' }, audit: 'settings' } as const;
const largestBackupBytes = 256 * 1024 * 1024;

/** Adds `control-backup` under the prefix of the native API. `onRestored` reads again what is kept in memory. */
export function addControlBackupRoutes(
  app: FastifyInstance,
  backups: ControlBackups,
  onRestored: () => Promise<void>,
): void {
  app.get('/control-backup', { config: mayDo, schema: { response: { 200: ControlBackup } } }, async (request) => {
    const backup = await backups.dump();
    request.auditDiff = 'Took a backup of the control data';
    return backup;
  });
  app.put(
    '/control-backup',
    {
      config: { ...mayDo, documentedBody: ControlBackup },
      bodyLimit: largestBackupBytes,
      schema: { response: { 200: Type.Object({ restored: Type.Boolean() }) } },
    },
    async (request) => {
      await backups.restore(request.body, signedInOf(request).username);
      await onRestored();
      const { madeAt } = request.body as ControlBackup;
      request.auditDiff = `Restored the control data of ${madeAt.slice(0, 40)}`;
      return { restored: true };
    },
  );
}
