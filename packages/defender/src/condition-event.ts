// The access event that says that a condition of this Defender began or ended.
// Invariant: one shape for all conditions, whoever noticed them; the name is the condition's own.
import { type Actor, type Condition, type EventDraft, toInstant } from '@dockledger/contract';

/** `raised`: it holds from now on. `cleared`: it is over. */
export type ConditionChange = 'raised' | 'cleared';

/** The draft of a condition event. `by` is the person behind it, when there is one. `atMs`: milliseconds since 1970. */
export function toConditionDraft(
  change: ConditionChange,
  condition: Omit<Condition, 'since'>,
  atMs: number,
  { by, details = {} }: { by?: Actor | undefined; details?: Readonly<Record<string, unknown>> } = {},
): EventDraft {
  return {
    type: 'condition',
    api: 'condition',
    time: toInstant(atMs),
    decision: {
      effect: 'allow',
      rule: '',
      reason: condition.name,
      text: change === 'raised' ? condition.text : `Over: ${condition.text}`,
      findings: [],
    },
    actor: by ?? { user: '', userSource: 'unknown' },
    target: { kind: 'system' },
    provenance: 'defender',
    details: {
      condition: condition.name,
      change,
      ...(condition.fix !== undefined && { fix: condition.fix }),
      ...details,
    },
  };
}
