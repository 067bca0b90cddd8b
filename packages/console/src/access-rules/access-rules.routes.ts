// Reading and replacing the access rules, in the vendor's form and in ours. ETag and If-Match keep two writers apart.
import { AccessRule, RuleSet } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { signedInOf } from '../sessions/route-access.ts';
import type { AccessRulesService } from './access-rules-service.ts';
import { parseCompatiblePolicy, toCompatiblePolicy } from './compatible-policy.ts';
import { toRulesDiff } from './rules-diff.ts';

const mayRead = { access: { permission: 'policyAccessDocker', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'policyAccessDocker', grant: 'write' }, audit: 'rule' } as const;

/** Body of a native save. */
export const RulesInput = Type.Object(
  {
    accessRules: Type.Array(AccessRule),
    note: Type.Optional(Type.String({ maxLength: 2000, description: 'Why; kept with the version' })),
  },
  { additionalProperties: false },
);

const HistoryBody = Type.Object({
  versions: Type.Array(
    Type.Object({
      version: Type.Integer(),
      savedAt: Type.String(),
      savedBy: Type.String(),
      note: Type.String(),
      accessRules: Type.Array(AccessRule),
    }),
  ),
});

/** Adds `policies/docker` under the prefix of the compatible API. */
export function addCompatibleRulesRoutes(app: FastifyInstance, rules: AccessRulesService): void {
  app.get('/policies/docker', { config: mayRead }, async (_request, reply) => {
    const { version, accessRules } = rules.current();
    tagVersion(reply, version);
    return toCompatiblePolicy(accessRules);
  });
  app.put('/policies/docker', { config: mayWrite }, async (request, reply) => {
    const before = rules.current().accessRules;
    const { version, accessRules } = await rules.save(parseCompatiblePolicy(request.body), changeOf(request));
    request.auditDiff = toRulesDiff(before, accessRules);
    tagVersion(reply, version);
    return {};
  });
}

/** Adds `rules` and its history under the prefix of the native API. */
export function addNativeRulesRoutes(app: FastifyInstance, rules: AccessRulesService): void {
  app.get('/rules', { config: mayRead, schema: { response: { 200: RuleSet } } }, async (_request, reply) => {
    tagVersion(reply, rules.current().version);
    return rules.current();
  });
  app.put(
    '/rules',
    { config: mayWrite, schema: { body: RulesInput, response: { 200: RuleSet } } },
    async (request, reply) => {
      const { accessRules, note = '' } = request.body as Static<typeof RulesInput>;
      const before = rules.current().accessRules;
      const saved = await rules.save(accessRules, { ...changeOf(request), note });
      request.auditDiff = `${note === '' ? '' : `note: ${note}\n`}${toRulesDiff(before, saved.accessRules)}`;
      tagVersion(reply, saved.version);
      return saved;
    },
  );
  app.get('/rules/history', { config: mayRead, schema: { response: { 200: HistoryBody } } }, async () => {
    const versions = await rules.history(200);
    return {
      versions: versions.map(({ ruleSet, savedAt, savedBy, note = '' }) => ({ ...ruleSet, savedAt, savedBy, note })),
    };
  });
}

/** Says which version of the rules the answer shows. */
export function tagVersion(reply: FastifyReply, version: number): void {
  void reply.header('etag', `"${version}"`);
}

/** Who changes the rules, and from which version on by If-Match. Throws `precondition_failed` when that is not an ETag of ours. */
export function changeOf(request: FastifyRequest): { readonly by: string; readonly basedOn?: number } {
  const by = signedInOf(request).username;
  const match = request.headers['if-match'];
  if (match === undefined || match.trim() === '*') return { by };
  const version = /^"(\d+)"$/.exec(match.trim())?.[1];
  if (version === undefined)
    throw new AppError(
      'precondition_failed',
      `If-Match is ${match.slice(0, 100)}: send the ETag of the rules as it came.`,
    );
  return { by, basedOn: Number(version) };
}
