// Access rules: who may do what to Docker. Field names are the vendor's at the compatible boundary and ours everywhere.
// Order is meaning: the first rule that matches decides.
import { type Static, Type } from 'typebox';
import { ComplianceRule } from './compliance-rule.ts';

const patterns = (description: string) => Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { description });

/** One access rule. An omitted list means everything (`["*"]`). */
export const AccessRule = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 256, description: 'Unique within the list' }),
    previousName: Type.Optional(Type.String({ description: 'Set on save to rename a rule' })),
    disabled: Type.Optional(Type.Boolean({ description: 'Skipped when true. Defaults to false' })),
    effect: Type.Union([Type.Literal('allow'), Type.Literal('deny'), Type.Literal('alert')]),
    action: Type.Optional(patterns('Action names, `*` for all. Defaults to all')),
    principal: Type.Optional(patterns('Users: OS names, uid:N, certificate names, container:NAME. Defaults to all')),
    group: Type.Optional(patterns('Groups of the user. Defaults to all')),
    collections: Type.Optional(patterns('Names of collections that the target must be in. Defaults to All')),
    auditAllowed: Type.Optional(
      Type.Boolean({ description: 'False: allowed calls are only counted. Defaults to true' }),
    ),
    blockMsg: Type.Optional(
      Type.String({ maxLength: 2000, description: 'Appended to the refusal that the client sees' }),
    ),
    condition: Type.Optional(
      Type.Object({
        readonly: Type.Optional(Type.Boolean({ description: 'The rule allows only reads' })),
        device: Type.Optional(Type.String({ description: 'Pattern that host devices and volumes must match' })),
      }),
    ),
    notes: Type.Optional(Type.String({ maxLength: 10_000 })),
    owner: Type.Optional(Type.String()),
    modified: Type.Optional(Type.String({ description: 'RFC 3339' })),
  },
  { additionalProperties: false },
);
export type AccessRule = Static<typeof AccessRule>;

/** What a collection covers, as far as rules on a host need it. An omitted list means everything. */
export const RuleScope = Type.Object({
  name: Type.String(),
  hosts: Type.Optional(Type.Array(Type.String())),
  clusters: Type.Optional(Type.Array(Type.String())),
  accountIDs: Type.Optional(Type.Array(Type.String())),
  containers: Type.Optional(Type.Array(Type.String())),
  images: Type.Optional(Type.Array(Type.String())),
  labels: Type.Optional(Type.Array(Type.String())),
  namespaces: Type.Optional(Type.Array(Type.String())),
});
export type RuleScope = Static<typeof RuleScope>;

/** The rules in force, as a Defender receives and keeps them. */
export const RuleSet = Type.Object({
  version: Type.Integer({ minimum: 0, description: 'Grows with every change' }),
  accessRules: Type.Array(AccessRule),
  complianceRules: Type.Optional(Type.Array(ComplianceRule, { description: 'Defaults to none' })),
  collections: Type.Optional(
    Type.Array(RuleScope, { description: 'The collections that the rules name. Defaults to none' }),
  ),
  revokedCertificates: Type.Optional(
    Type.Array(Type.String({ pattern: '^[0-9a-f]{2,64}$' }), {
      description: "Serial numbers of people's certificates that no longer open anything. Defaults to none",
    }),
  ),
});
export type RuleSet = Static<typeof RuleSet>;

/** What a fresh Console has in force: everything is allowed and recorded. */
export const defaultRuleSet: RuleSet = {
  version: 1,
  accessRules: [
    { name: 'Default - allow all', effect: 'allow', action: ['*'], principal: ['*'], group: ['*'], auditAllowed: true },
  ],
};

/** Name of the rule that decides when no rule of the list matched. */
export const noRuleMatchedName = 'Default - deny all';
