// What one exchange puts on record: drafts, the record itself, and its outcome.
// Invariant: one request record per exchange, made by exactly one of the methods that say so.
import type {
  EventDecision,
  EventDraft,
  EventOutcome,
  PreparedRecord,
  Recorded,
  RequestRecord,
  Target,
} from '@dockledger/contract';
import type { Caller } from '../ports.ts';
import { draftOf, malformedDraft, mergeKeyOf } from './event-draft.ts';
import type { ClassifiedRequest, JudgedBody, ProxyContext } from './proxy-context.ts';
import { summaryOf } from './request-summary.ts';

/** Who calls, and the caller's part of merge keys. */
export interface RecordedCaller {
  readonly caller: Caller;
  readonly callerKey: string;
}

/** The outcome that most reads have. */
const answered: EventOutcome = { state: 'done', status: 200 };

/** The record of one exchange in the making. Fields are set as they become known. */
export class CallRecord {
  request: ClassifiedRequest | undefined;
  body: JudgedBody | undefined;
  target: Target = {};
  /** Set when the judge has spoken. */
  decision: EventDecision | undefined;
  isAudited = true;
  /** Stands in the event in place of the action's name. */
  api: string | undefined;
  readonly #context: ProxyContext;
  readonly #by: RecordedCaller;
  readonly #method: string;
  readonly #startedMs: number;
  /** Of a state-changing call whose record was written before it was forwarded. */
  #rid: string | undefined;
  #prepared: PreparedRecord | undefined;

  constructor(context: ProxyContext, by: RecordedCaller, method: string) {
    this.#context = context;
    this.#by = by;
    this.#method = method;
    this.#startedMs = context.now();
  }

  /** True when the request's record is written and only its outcome is missing. */
  get awaitsOutcome(): boolean {
    return this.#rid !== undefined;
  }

  /** Records an allowed state-changing call before it is forwarded. */
  beforeForwarding(): Recorded {
    const { recorder } = this.#context;
    const rid = recorder.nextRid();
    this.#rid = rid;
    const draft = this.#draft(this.decision as EventDecision);
    return recorder.request({ kind: 'request', rid, draft, audit: this.isAudited });
  }

  /** The record of {@link beforeForwarding} failed; the outcome, if there is one, goes with a record of its own. */
  wasLost(): void {
    this.#rid = undefined;
  }

  /** Does what can be done of an allowed read's record while the engine works; most answers are a 200. */
  prepareRead(): void {
    this.#prepared = this.#context.recorder.prepare(this.#readRecord(answered));
  }

  /** Records the outcome of an allowed call: of a read together with the call itself. */
  outcome(outcome: EventOutcome, made?: Target): Recorded {
    const { recorder } = this.#context;
    const prepared = outcome.status === 200 && outcome.state === 'done' ? this.#prepared : undefined;
    this.#prepared = undefined;
    const recorded =
      this.#rid !== undefined
        ? recorder.outcome(this.#rid, outcome, made)
        : (prepared?.commit() ?? recorder.request(this.#readRecord(outcome)));
    if (recorded.isWritten !== true) this.#countLoss(recorded);
    return recorded;
  }

  /** Records a call that is not forwarded, with its outcome. */
  unforwarded(decision: EventDecision, outcome: EventOutcome): Recorded {
    const { recorder } = this.#context;
    return recorder.request({ kind: 'request', rid: recorder.nextRid(), draft: this.#draft(decision), outcome });
  }

  /** Records bytes that are no call. */
  malformed(api: string, text: string, status: number | undefined): Recorded {
    const { recorder, counters } = this.#context;
    counters.malformed++;
    return recorder.request({
      kind: 'request',
      rid: recorder.nextRid(),
      draft: malformedDraft(this.#by.caller, api, text, this.#startedMs),
      outcome: { state: 'refused', ...(status === undefined ? {} : { status }) },
    });
  }

  #draft(decision: EventDecision): EventDraft {
    const request = this.request as ClassifiedRequest;
    const summary = summaryOf(request, this.body?.value);
    const draft = draftOf(request, this.#method, this.#by.caller, this.target, decision, summary, this.#startedMs);
    return this.api === undefined ? draft : { ...draft, api: this.api };
  }

  #readRecord(outcome: EventOutcome): RequestRecord {
    const request = this.request as ClassifiedRequest;
    const decision = this.decision as EventDecision;
    const record = {
      kind: 'request' as const,
      rid: this.#context.recorder.nextRid(),
      draft: this.#draft(decision),
      outcome,
      audit: this.isAudited,
    };
    // A state-changing call comes here only when its own record was lost; it is never merged.
    if (request.route.class === 'write') return record;
    const mergeKey = mergeKeyOf(this.#by.callerKey, request, this.target, decision, outcome.status ?? 0);
    return { ...record, mergeKey };
  }

  #countLoss(recorded: Recorded): void {
    recorded.written.catch((error: unknown) => {
      this.#context.counters.unrecorded++;
      this.#context.log.warn({ err: error }, 'a read or an outcome could not be recorded');
    });
  }
}
