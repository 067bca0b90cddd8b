// Turns a judged request into the draft of its access event.
// Invariant: no body, header or secret query value gets into a draft; summaries come redacted from request-summary.ts.
import { type EventDecision, type EventDraft, type Target, toInstant } from '@dockledger/contract';
import type { Caller } from '../ports.ts';
import type { ClassifiedRequest } from './proxy-context.ts';

let lastMs = -1;
let lastInstant = '';

/** As `toInstant`, without formatting the same millisecond twice. */
function instantOf(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastInstant = toInstant(ms);
  }
  return lastInstant;
}

// Build arguments and import sources carry credentials in the query string.
const secretParameters = /([?&](?:buildargs|secrets?|remote|fromSrc|password|token|changes)=)[^&]*/gi;

/** The canonical target with the values of parameters that may carry secrets cut out. */
export function redactTarget(target: string): string {
  return target.includes('?') ? target.replace(secretParameters, '$1***') : target;
}

/** The draft of a request that has a name. */
export function draftOf(
  request: ClassifiedRequest,
  method: string,
  caller: Caller,
  target: Target,
  decision: EventDecision,
  summary: Record<string, unknown> | undefined,
  ms: number,
): EventDraft {
  return {
    type: 'docker',
    api: request.api,
    time: instantOf(ms),
    decision,
    actor: caller.actor,
    target,
    request: {
      method,
      route: request.route.route,
      target: redactTarget(request.target.canonicalTarget),
      ...(request.target.apiMinor === undefined ? {} : { apiVersion: `1.${request.target.apiMinor}` }),
      ...(summary === undefined ? {} : { summary }),
    },
    provenance: 'proxy',
  };
}

/** The draft of bytes that are no request. `api` is `unknown` unless it was found before the fault. */
export function malformedDraft(caller: Caller, api: string, text: string, ms: number): EventDraft {
  return {
    type: 'docker',
    api,
    time: instantOf(ms),
    decision: { effect: 'deny', rule: '', reason: 'malformed', text, findings: [] },
    actor: caller.actor,
    target: {},
    provenance: 'proxy',
  };
}

/**
 * What makes two allowed reads identical: actor, api, target, rule and status. Without pid and command line, so that a
 * script's polling merges.
 */
export function mergeKeyOf(
  callerKey: string,
  request: ClassifiedRequest,
  target: Target,
  decision: EventDecision,
  status: number,
): string {
  const object = target.containerId ?? target.imageName ?? target.other ?? request.route.name;
  return `${callerKey}\n${request.api}\n${object}\n${decision.rule}\n${status}`;
}

/** The part of {@link mergeKeyOf} that a connection computes once. */
export function callerKeyOf({ actor }: Caller): string {
  return `${actor.user}\n${actor.uid ?? ''}\n${actor.loginUid ?? ''}\n${actor.containerId ?? ''}\n${actor.exe ?? ''}\n${actor.certificate ?? ''}\n${actor.sessionId ?? ''}`;
}
