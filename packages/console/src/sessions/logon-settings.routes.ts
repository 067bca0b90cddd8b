// The compatible logon settings and custom labels.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { SettingStore } from '../settings/setting-store.ts';
import { LogonSettings, type LogonSettingsService } from './logon-settings.ts';

const mayRead = { access: { permission: 'authConfiguration', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'authConfiguration', grant: 'write' }, audit: 'settings' } as const;

/** Names of labels, as the vendor keeps them. Events of this Console carry all labels of their target in any case. */
export const CustomLabels = Type.Object({
  labels: Type.Union([Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 1000 }), Type.Null()]),
});

const storeName = 'custom-labels';

/** Adds `settings/logon` and `settings/custom-labels` under the prefix of the compatible API. PUT and POST do the same. */
export function addLogonSettingsRoutes(app: FastifyInstance, logon: LogonSettingsService, store: SettingStore): void {
  app.get('/settings/logon', { config: mayRead, schema: { response: { 200: LogonSettings } } }, async () =>
    logon.current(),
  );
  app.route({
    method: ['PUT', 'POST'],
    url: '/settings/logon',
    config: { ...mayWrite, documentedBody: Type.Partial(LogonSettings) },
    handler: async (request, reply) => {
      const before = logon.current();
      const after = await logon.save(request.body);
      request.auditDiff = Object.entries(after)
        .filter(([name, value]) => before[name as keyof LogonSettings] !== value)
        .map(([name, value]) => `~ ${name}: ${String(before[name as keyof LogonSettings])} -> ${String(value)}`)
        .join('\n');
      return reply.code(200).send();
    },
  });
  const loadLabels = async (): Promise<string[]> => {
    const kept = await store.load(storeName);
    return Value.Check(CustomLabels, kept) ? (kept.labels ?? []) : [];
  };
  app.get('/settings/custom-labels', { config: mayRead, schema: { response: { 200: CustomLabels } } }, async () => ({
    labels: await loadLabels(),
  }));
  app.route({
    method: ['PUT', 'POST'],
    url: '/settings/custom-labels',
    config: { ...mayWrite, documentedBody: CustomLabels },
    handler: async (request, reply) => {
      const { body } = request;
      if (!Value.Check(CustomLabels, body))
        throw new AppError('bad_request', 'Send a JSON object whose labels is a list of names.');
      const [before, after] = [await loadLabels(), [...new Set(body.labels ?? [])]];
      await store.save(storeName, { labels: after });
      request.auditDiff = `- ${JSON.stringify(before)}\n+ ${JSON.stringify(after)}`;
      return reply.code(200).send();
    },
  });
}
