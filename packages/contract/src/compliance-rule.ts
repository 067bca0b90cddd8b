// Compliance rules: which checks a container must pass. Field names are the vendor's.
// Order is meaning: the first rule whose collections fit judges the call, checks that it does not list are ignored.
import { type Static, Type } from 'typebox';

/** One compliance rule. */
export const ComplianceRule = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 256, description: 'Unique within the list' }),
    previousName: Type.Optional(Type.String({ description: 'Set on save to rename a rule' })),
    disabled: Type.Optional(Type.Boolean({ description: 'Skipped when true. Defaults to false' })),
    effect: Type.Optional(Type.String({ description: 'Shown only: "alert" or "alert, block"' })),
    collections: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
        description: 'Names of collections that the container must be in. Defaults to All',
      }),
    ),
    condition: Type.Object({
      vulnerabilities: Type.Array(
        Type.Object({
          id: Type.Integer({ description: 'CIS number without the dot, for instance 54' }),
          block: Type.Boolean({ description: 'True: refuse the call. False: record a finding' }),
        }),
        { maxItems: 500 },
      ),
    }),
    blockMsg: Type.Optional(Type.String({ maxLength: 2000, description: 'Appended to the refusal' })),
    notes: Type.Optional(Type.String({ maxLength: 10_000 })),
    owner: Type.Optional(Type.String()),
    modified: Type.Optional(Type.String({ description: 'RFC 3339' })),
  },
  { additionalProperties: false },
);
export type ComplianceRule = Static<typeof ComplianceRule>;
