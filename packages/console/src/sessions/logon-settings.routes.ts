// The compatible logon settings, read only: how long a sign-in lasts and what a password must be.
import type { FastifyInstance } from 'fastify';

const mayRead = { access: { permission: 'authConfiguration', grant: 'read' } } as const;

/** Adds `settings/logon` and the empty `settings/custom-labels` under the prefix of the compatible API. */
export function addLogonSettingsRoutes(app: FastifyInstance, sessionMinutes: number): void {
  app.get('/settings/logon', { config: mayRead }, async () => ({
    sessionTimeoutSec: sessionMinutes * 60,
    basicAuthDisabled: false,
    strongPassword: true,
    includeTLS: true,
    useSupportCredentials: false,
  }));
  app.get('/settings/custom-labels', { config: mayRead }, async () => ({ labels: [] }));
}
