// The grammars of su: util-linux, shadow and the BSDs. User names come from the system's own list, except the wanted one
// of a failed call, so lines are read from the right.
import { createHostLogResult, type HostLogKind, type HostLogResult } from './host-log-result.ts';

type Form = {
  readonly pattern: RegExp;
  readonly kind: HostLogKind;
  readonly to: number;
  readonly by: number;
  readonly tty: number;
};

const forms: readonly Form[] = [
  { pattern: /^\(to (.*)\) (\S+) on (\S+)$/s, kind: 'su_allowed', to: 1, by: 2, tty: 3 },
  { pattern: /^FAILED SU \(to (.*)\) (\S+) on (\S+)$/s, kind: 'su_failed', to: 1, by: 2, tty: 3 },
  { pattern: /^BAD SU (\S+) to (.*) on (\S+)$/s, kind: 'su_failed', to: 2, by: 1, tty: 3 },
  { pattern: /^Successful su for (.*) by (\S+)$/s, kind: 'su_allowed', to: 1, by: 2, tty: 0 },
  { pattern: /^FAILED su for (.*) by (\S+)$/s, kind: 'su_failed', to: 1, by: 2, tty: 0 },
  { pattern: /^([^\s:()+-]\S*) to (.*) on (\S+)$/s, kind: 'su_allowed', to: 2, by: 1, tty: 3 },
];

/** Parses what follows su's tag. Null for messages that say nothing about a call. */
export function parseSuMessage(raw: string): HostLogResult | null {
  for (const form of forms) {
    const match = form.pattern.exec(raw);
    if (match === null) continue;
    const result = createHostLogResult(form.kind, 'su', raw);
    result.runAs = match[form.to] ?? null;
    result.user = match[form.by] ?? null;
    const tty = form.tty === 0 ? 'none' : (match[form.tty] ?? 'none');
    result.tty = tty === 'none' ? null : tty.replace(/^\/dev\//, '');
    return result;
  }
  return null;
}
