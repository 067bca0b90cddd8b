// The vendor's form of the access rules, `policies/docker`, mapped to ours and back at the boundary.
// What their form has and ours has not is ignored; what it lacks means "everything".
import { AccessRule } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

const list = () => Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()]));

/** One rule in the vendor's form. Further fields are ignored. */
export const CompatibleRule = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 256 }),
  previousName: Type.Optional(Type.String()),
  owner: Type.Optional(Type.String()),
  modified: Type.Optional(Type.String()),
  notes: Type.Optional(Type.String()),
  disabled: Type.Optional(Type.Boolean()),
  effect: Type.Union([Type.Literal('allow'), Type.Literal('deny'), Type.Literal('block'), Type.Literal('alert')]),
  action: list(),
  group: list(),
  principal: list(),
  auditAllowed: Type.Optional(Type.Boolean()),
  blockMsg: Type.Optional(Type.String()),
  collections: Type.Optional(Type.Union([Type.Array(Type.Object({ name: Type.String() })), Type.Null()])),
  condition: Type.Optional(
    Type.Union([
      Type.Object({ readonly: Type.Optional(Type.Boolean()), device: Type.Optional(Type.String()) }),
      Type.Null(),
    ]),
  ),
});
export type CompatibleRule = Static<typeof CompatibleRule>;

/** The whole list in the vendor's form. */
export const CompatiblePolicy = Type.Object({
  _id: Type.Optional(Type.String()),
  policyType: Type.Optional(Type.String()),
  rules: Type.Optional(Type.Union([Type.Array(CompatibleRule), Type.Null()])),
});
export type CompatiblePolicy = Static<typeof CompatiblePolicy>;

/** Our rules in the vendor's form. */
export function toCompatiblePolicy(rules: readonly AccessRule[]): CompatiblePolicy {
  return {
    _id: 'docker',
    policyType: 'docker',
    rules: rules.map((rule) => ({
      ...rule,
      action: rule.action ?? ['*'],
      group: rule.group ?? ['*'],
      principal: rule.principal ?? ['*'],
      auditAllowed: rule.auditAllowed ?? true,
      disabled: rule.disabled ?? false,
      collections: (rule.collections ?? ['All']).map((name) => ({ name })),
    })),
  };
}

/** The vendor's form as our rules. `{}` is the empty list. Throws `bad_rule` that names the rule and the field. */
export function parseCompatiblePolicy(body: unknown): readonly AccessRule[] {
  if (!Value.Check(CompatiblePolicy, body ?? {})) {
    const [first] = Value.Errors(CompatiblePolicy, body ?? {});
    throw new AppError(
      'bad_rule',
      `The rules are not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
    );
  }
  return ((body as CompatiblePolicy | undefined)?.rules ?? []).map(toAccessRule);
}

function toAccessRule(rule: CompatibleRule): AccessRule {
  const { action, group, principal, collections, condition, effect } = rule;
  const patterns = (values: readonly string[] | null | undefined) =>
    values && values.length > 0 ? [...values] : undefined;
  const candidate = {
    name: rule.name,
    previousName: rule.previousName || undefined,
    disabled: rule.disabled,
    effect: effect === 'block' ? 'deny' : effect,
    action: patterns(action),
    principal: patterns(principal),
    group: patterns(group),
    collections: patterns(collections?.map(({ name }) => name)),
    auditAllowed: rule.auditAllowed,
    blockMsg: rule.blockMsg || undefined,
    condition: condition
      ? dropUndefined({ readonly: condition.readonly, device: condition.device || undefined })
      : undefined,
    notes: rule.notes || undefined,
  };
  const parsed: unknown = dropUndefined(candidate);
  if (Value.Check(AccessRule, parsed)) return parsed;
  const [first] = Value.Errors(AccessRule, parsed);
  throw new AppError(
    'bad_rule',
    `Rule "${rule.name}" is not as expected at ${first?.instancePath || '/'}: ${first?.message ?? 'invalid'}.`,
  );
}

function dropUndefined(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
