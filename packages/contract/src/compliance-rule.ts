// Compliance rules: which CIS checks a container must pass to be created, and whether failing one blocks it.
// Field names are the vendor's; a check that a rule does not list is ignored by it.
import { type Static, Type } from 'typebox';

/** One compliance rule. Rules are ordered; the first enabled one whose collections hold the container decides. */
export const ComplianceRule = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 256, description: 'Unique within the list' }),
    previousName: Type.Optional(Type.String({ description: 'Set on save to rename a rule' })),
    disabled: Type.Optional(Type.Boolean({ description: 'Skipped when true. Defaults to false' })),
    effect: Type.Optional(
      Type.String({ description: 'For display: `alert` or `alert, block`; what blocks is said per check' }),
    ),
    collections: Type.Optional(Type.Array(Type.String(), { description: 'Names of collections. Defaults to All' })),
    condition: Type.Object({
      vulnerabilities: Type.Array(
        Type.Object({
          id: Type.Integer({ description: 'CIS number without the dot: 54 is 5.4' }),
          block: Type.Boolean({ description: 'True refuses, false alerts' }),
        }),
      ),
    }),
    blockMsg: Type.Optional(
      Type.String({ maxLength: 2000, description: 'Appended to the refusal that the client sees' }),
    ),
    verbose: Type.Optional(Type.Boolean({ description: 'The refusal lists each finding' })),
    allCompliance: Type.Optional(Type.Boolean({ description: 'Passed checks are reported too' })),
    notes: Type.Optional(Type.String({ maxLength: 10_000 })),
    owner: Type.Optional(Type.String()),
    modified: Type.Optional(Type.String({ description: 'RFC 3339' })),
  },
  { additionalProperties: false },
);
export type ComplianceRule = Static<typeof ComplianceRule>;
