// Reading and replacing the compliance rules, in the vendor's form and in ours. They share one version with the access rules.
import { ComplianceRule } from '@dockledger/contract';
import { complianceChecks } from '@dockledger/rules';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { changeOf, tagVersion } from './access-rules.routes.ts';
import type { AccessRulesService } from './access-rules-service.ts';
import { parseCompatibleCompliance, toCompatibleCompliance } from './compatible-compliance.ts';
import { toRulesDiff } from './rules-diff.ts';

const mayRead = { access: { permission: 'policyContainers', grant: 'read' } } as const;
const mayWrite = { access: { permission: 'policyContainers', grant: 'write' }, audit: 'rule' } as const;

/** Body of a native save. */
export const ComplianceRulesInput = Type.Object(
  {
    complianceRules: Type.Array(ComplianceRule),
    note: Type.Optional(Type.String({ maxLength: 2000, description: 'Why; kept with the version' })),
  },
  { additionalProperties: false },
);

/** The native view: the rules and every check that they may name. */
export const ComplianceRulesBody = Type.Object({
  version: Type.Integer(),
  complianceRules: Type.Array(ComplianceRule),
  checks: Type.Array(Type.Object({ id: Type.Integer(), title: Type.String(), remediation: Type.String() })),
});

function toBody(rules: AccessRulesService): Static<typeof ComplianceRulesBody> {
  const { version, complianceRules = [] } = rules.current();
  const checks = complianceChecks.map(({ id, title, remediation }) => ({ id, title, remediation }));
  return { version, complianceRules, checks };
}

/** Adds `policies/compliance/container` under the prefix of the compatible API. */
export function addCompatibleComplianceRoutes(app: FastifyInstance, rules: AccessRulesService): void {
  app.get('/policies/compliance/container', { config: mayRead }, async (_request, reply) => {
    const { version, complianceRules = [] } = rules.current();
    tagVersion(reply, version);
    return toCompatibleCompliance(complianceRules);
  });
  app.put('/policies/compliance/container', { config: mayWrite }, async (request, reply) => {
    const before = rules.current().complianceRules ?? [];
    const saved = await rules.saveCompliance(parseCompatibleCompliance(request.body), changeOf(request));
    request.auditDiff = toRulesDiff(before, saved.complianceRules ?? []);
    tagVersion(reply, saved.version);
    return {};
  });
}

/** Adds `compliance-rules` under the prefix of the native API. */
export function addNativeComplianceRoutes(app: FastifyInstance, rules: AccessRulesService): void {
  const response = { 200: ComplianceRulesBody };
  app.get('/compliance-rules', { config: mayRead, schema: { response } }, async (_request, reply) => {
    tagVersion(reply, rules.current().version);
    return toBody(rules);
  });
  app.put(
    '/compliance-rules',
    { config: mayWrite, schema: { body: ComplianceRulesInput, response } },
    async (request, reply) => {
      const { complianceRules, note = '' } = request.body as Static<typeof ComplianceRulesInput>;
      const before = rules.current().complianceRules ?? [];
      const saved = await rules.saveCompliance(complianceRules, { ...changeOf(request), note });
      const diff = toRulesDiff(before, saved.complianceRules ?? []);
      request.auditDiff = note === '' ? diff : `note: ${note}\n${diff}`;
      tagVersion(reply, saved.version);
      return toBody(rules);
    },
  );
}
