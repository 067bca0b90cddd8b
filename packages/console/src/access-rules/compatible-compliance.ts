// The vendor's form of the compliance rules, `policies/compliance/container`, mapped to ours and back at the boundary.
// What their form has and ours has not is ignored; `effect` is shown only, from what the checks say.
import { ComplianceRule } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

const Checks = Type.Object({
  vulnerabilities: Type.Optional(
    Type.Union([
      Type.Array(Type.Object({ id: Type.Integer(), block: Type.Optional(Type.Boolean()) }), { maxItems: 500 }),
      Type.Null(),
    ]),
  ),
});

/** One compliance rule in the vendor's form. Further fields are ignored. */
export const CompatibleComplianceRule = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 256 }),
  previousName: Type.Optional(Type.String()),
  owner: Type.Optional(Type.String()),
  modified: Type.Optional(Type.String()),
  notes: Type.Optional(Type.String()),
  disabled: Type.Optional(Type.Boolean()),
  effect: Type.Optional(Type.String()),
  blockMsg: Type.Optional(Type.String()),
  collections: Type.Optional(Type.Union([Type.Array(Type.Object({ name: Type.String() })), Type.Null()])),
  condition: Type.Optional(Type.Union([Checks, Type.Null()])),
});
export type CompatibleComplianceRule = Static<typeof CompatibleComplianceRule>;

/** The whole list in the vendor's form. */
export const CompatibleCompliancePolicy = Type.Object({
  _id: Type.Optional(Type.String()),
  policyType: Type.Optional(Type.String()),
  rules: Type.Optional(Type.Union([Type.Array(CompatibleComplianceRule), Type.Null()])),
});
export type CompatibleCompliancePolicy = Static<typeof CompatibleCompliancePolicy>;

/** Our rules in the vendor's form. */
export function toCompatibleCompliance(rules: readonly ComplianceRule[]): CompatibleCompliancePolicy {
  return {
    _id: 'containerCompliance',
    policyType: 'containerCompliance',
    rules: rules.map((rule) => ({
      ...rule,
      disabled: rule.disabled ?? false,
      effect: rule.condition.vulnerabilities.some(({ block }) => block) ? 'alert, block' : 'alert',
      collections: (rule.collections ?? ['All']).map((name) => ({ name })),
    })),
  };
}

/** The vendor's form as our rules. `{}` is the empty list. Throws `bad_rule` that names the rule and the field. */
export function parseCompatibleCompliance(body: unknown): readonly ComplianceRule[] {
  if (!Value.Check(CompatibleCompliancePolicy, body ?? {})) {
    const [first] = Value.Errors(CompatibleCompliancePolicy, body ?? {});
    throw new AppError(
      'bad_rule',
      `The compliance rules are not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
    );
  }
  return ((body as CompatibleCompliancePolicy | undefined)?.rules ?? []).map(toComplianceRule);
}

function toComplianceRule(rule: CompatibleComplianceRule): ComplianceRule {
  const collections = rule.collections?.map(({ name }) => name) ?? [];
  const parsed: unknown = {
    name: rule.name,
    ...(rule.previousName && { previousName: rule.previousName }),
    ...(rule.disabled !== undefined && { disabled: rule.disabled }),
    ...(collections.length > 0 && { collections }),
    condition: {
      vulnerabilities: (rule.condition?.vulnerabilities ?? []).map(({ id, block = false }) => ({ id, block })),
    },
    ...(rule.blockMsg && { blockMsg: rule.blockMsg }),
    ...(rule.notes && { notes: rule.notes }),
  };
  if (Value.Check(ComplianceRule, parsed)) return parsed;
  const [first] = Value.Errors(ComplianceRule, parsed);
  throw new AppError(
    'bad_rule',
    `Rule "${rule.name}" is not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
  );
}
