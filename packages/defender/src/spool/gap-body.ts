// The events that say what is missing. A gap is declared where it is known, never guessed.
import { toInstant } from '@dockledger/contract';
import type { EventBody } from './finaliser.ts';

/** A gap event. `reason` is for programs, `text` for people; `details` carries counts and time span where they are known. */
export function toGapBody(reason: string, text: string, wallMs: number, details: Record<string, unknown>): EventBody {
  return {
    type: 'gap',
    api: 'gap',
    time: toInstant(wallMs),
    count: 1,
    decision: { effect: 'allow', rule: '', reason, text, findings: [] },
    outcome: { state: 'done' },
    actor: { user: '', userSource: 'unknown' },
    target: {},
    provenance: 'defender',
    details: { reason, ...details },
  };
}
