// One request's way: name, facts, verdict, record, forward, outcome. What is judged is what is forwarded.
// Invariant: exactly one request record per exchange; nothing reaches the engine before an allow; no answer's head
// reaches the client before its record.
import type { EventDecision, EventOutcome, Recorded, Target } from '@dockledger/contract';
import type { RequestHead, ResponseHead } from '@dockledger/rules';
import type { Verdict } from '../ports.ts';
import { AnswerHeadReader } from './answer-head-reader.ts';
import { CallRecord, type RecordedCaller } from './call-record.ts';
import { createdIdOf } from './created-id.ts';
import type { EngineConnection, EngineListener } from './engine-connection.ts';
import { MessageBody } from './message-body.ts';
import { continueAnswer, formatOwnAnswer } from './own-answer.ts';
import type { ClassifiedRequest, FactsUnavailable, FoundFacts, ProxyContext } from './proxy-context.ts';
import { formatRequestHead, forwardedTarget } from './request-writer.ts';

/** The client's side as an exchange sees it. */
export interface ClientSide extends RecordedCaller {
  /** The client sends nothing more. */
  readonly isEnded: boolean;
  /** False while written bytes wait in this process. */
  readonly isFlushed: boolean;
  /** False: wait for `onClientDrain`. */
  write(bytes: Uint8Array | string): boolean;
  /** Offers what has arrived but was not consumed, and reads on. */
  pump(): void;
  /** Reads no more until `pump`. */
  pause(): void;
  /** Half-closes after what was written. */
  end(): void;
  destroy(): void;
  /** The exchange is over. Unless `keepsAlive`, the connection ends after what was written. */
  finish(keepsAlive: boolean): void;
}

type Stage = 'collecting' | 'judging' | 'refusing' | 'forwarding' | 'recording' | 'answering' | 'tunnel' | 'done';

const noDecision = (reason: string, text: string): EventDecision => ({
  effect: 'deny',
  rule: '',
  reason,
  text,
  findings: [],
});

const noBytes = Buffer.alloc(0);

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** One request and its answer on one client connection. */
export class Exchange implements EngineListener {
  readonly #context: ProxyContext;
  readonly #client: ClientSide;
  readonly #head: RequestHead;
  readonly #record: CallRecord;
  readonly #requestBody: MessageBody;
  #stage: Stage = 'judging';
  #payload: Buffer[] | undefined;
  #payloadBytes = 0;
  #resolvedId: string | undefined;
  #durable: Promise<void> | undefined;
  #engine: EngineConnection | undefined;
  #sent: Buffer | string = '';
  #hasSentStream = false;
  #hasEngineEnded = false;
  #hasSpareBytes = false;
  readonly #answerHead: AnswerHeadReader;
  #answer: ResponseHead | undefined;
  #answerBody: MessageBody | undefined;
  #held: Buffer[] = [];

  constructor(context: ProxyContext, client: ClientSide, head: RequestHead) {
    this.#context = context;
    this.#client = client;
    this.#head = head;
    this.#record = new CallRecord(context, client, head.method);
    this.#answerHead = new AnswerHeadReader(head.method);
    this.#requestBody = new MessageBody(head.framing, head.contentLength);
  }

  /** The body is being read for the verdict, so the client must keep sending. */
  get awaitsBody(): boolean {
    return this.#stage === 'collecting';
  }

  /** Begins. The client offers the bytes behind the head afterwards. */
  start(): void {
    const context = this.#context;
    const head = this.#head;
    context.counters.requests++;
    const request = context.judge.classify(head);
    if (request.kind === 'refusal') return this.#refuseMalformed(request.status, request.api, request.reason);
    this.#record.request = request;
    if (request.route.body !== 'stream' && !this.#requestBody.isComplete) {
      if (head.contentLength > context.settings.maxJudgedBodyBytes) return this.#refuseTooLarge(request);
      this.#payload = [];
      this.#stage = 'collecting';
      if (head.expectContinue) this.#client.write(continueAnswer);
      return;
    }
    if (request.route.body === 'json') this.#readBody(request, noBytes);
    else this.#find(request);
  }

  /** Answers how many bytes it consumed. */
  onClientBytes(bytes: Buffer, start: number, end: number): number {
    switch (this.#stage) {
      case 'collecting':
        return this.#collect(bytes, start, end);
      case 'forwarding':
      case 'recording':
      case 'answering':
        return this.#engine === undefined || this.#requestBody.isComplete ? 0 : this.#stream(bytes, start, end);
      case 'tunnel':
        if (this.#engine !== undefined && !this.#engine.write(bytes.subarray(start, end))) this.#client.pause();
        return end - start;
      default:
        return 0;
    }
  }

  /** The client half-closed. Offered bytes have been consumed as far as they ever will. */
  onClientEnd(): void {
    switch (this.#stage) {
      case 'collecting':
        this.#refuseMalformed(
          400,
          this.#record.request?.api ?? 'unknown',
          'The request body ends before its announced length.',
        );
        break;
      case 'forwarding':
      case 'recording':
      case 'answering':
      case 'tunnel':
        if (this.#stage !== 'tunnel' && !this.#requestBody.isComplete)
          this.#abort('the client cut its request body short');
        // The engine learns of the half-close as it would without a proxy: logs -f and events end, exec -i sees EOF.
        else this.#engine?.end();
        break;
      default:
        break;
    }
  }

  /** No byte of a body that is being read came for too long. */
  onBodyTimeout(): void {
    if (this.#stage !== 'collecting') return;
    this.#refuseMalformed(408, this.#record.request?.api ?? 'unknown', 'The request body did not arrive in time.');
  }

  /** The client's socket is gone. */
  onClientGone(): void {
    if (this.#stage === 'done') return;
    if (this.#stage === 'collecting') {
      this.#record.malformed(
        this.#record.request?.api ?? 'unknown',
        'The client went away before its request body was complete.',
        undefined,
      );
      this.#stage = 'done';
      return;
    }
    // While judging, the pending answer of the facts finds `done` and stops.
    if (this.#stage === 'judging') this.#recordUnforwarded('the client went away before the call was forwarded');
    // A refusal is on record already.
    else if (this.#stage !== 'refusing') this.#abort('the client went away before the engine answered');
    this.#stage = 'done';
  }

  onClientDrain(): void {
    this.#engine?.resume();
  }

  onEngineBytes(bytes: Buffer, length: number): boolean {
    switch (this.#stage) {
      case 'forwarding':
        return this.#onHeadBytes(bytes, length);
      case 'recording':
        this.#held.push(Buffer.from(bytes.subarray(0, length)));
        return false;
      case 'answering':
        return this.#onAnswerBytes(bytes, length, true) || this.#isDone();
      case 'tunnel':
        return this.#toClient(bytes.subarray(0, length), true);
      default:
        return false;
    }
  }

  onEngineEnd(): void {
    this.#hasEngineEnded = true;
    switch (this.#stage) {
      case 'forwarding':
        this.#onEngineFailed(undefined);
        break;
      case 'answering':
        this.#onAnswerEnd();
        break;
      case 'tunnel':
        this.#client.end();
        if (this.#client.isEnded) this.#finish(false);
        break;
      default:
        break;
    }
  }

  onEngineClose(error: NodeJS.ErrnoException | undefined): void {
    const wasEnded = this.#hasEngineEnded;
    this.#hasEngineEnded = true;
    switch (this.#stage) {
      case 'forwarding':
        this.#onEngineFailed(error);
        break;
      case 'answering':
        if (!wasEnded) this.#onAnswerEnd();
        break;
      case 'tunnel':
        if (error === undefined) this.#finish(false);
        else this.#breakOff();
        break;
      default:
        break;
    }
  }

  onEngineDrain(): void {
    this.#client.pump();
  }

  /** Asked where the stage may have changed in a call. A finished exchange must not leave its connection paused. */
  #isDone(): boolean {
    return this.#stage === 'done';
  }

  // --- before the verdict

  #collect(bytes: Buffer, start: number, end: number): number {
    const payload = this.#payload as Buffer[];
    const consumed = this.#requestBody.push(bytes, start, end, (from, to) => {
      this.#payloadBytes += to - from;
      payload.push(bytes.subarray(from, to));
    });
    const request = this.#record.request as ClassifiedRequest;
    if (this.#requestBody.refusal !== undefined) {
      this.#refuseMalformed(400, request.api, this.#requestBody.refusal);
    } else if (this.#payloadBytes > this.#context.settings.maxJudgedBodyBytes) {
      this.#refuseTooLarge(request);
    } else if (this.#requestBody.isComplete) {
      this.#payload = undefined;
      this.#readBody(request, Buffer.concat(payload));
    }
    return consumed;
  }

  #readBody(request: ClassifiedRequest, payload: Buffer): void {
    this.#stage = 'judging';
    const reading = this.#context.judge.readBody(request, payload);
    if ('refusal' in reading) {
      this.#refuseMalformed(400, request.api, reading.refusal);
      return;
    }
    this.#record.body = reading;
    this.#find(request);
  }

  #find(request: ClassifiedRequest): void {
    this.#stage = 'judging';
    const facts = this.#context.facts.find(request, this.#client.caller, this.#record.body?.value);
    if (facts instanceof Promise) void facts.then((found) => this.#judge(request, found));
    else this.#judge(request, facts);
  }

  #judge(request: ClassifiedRequest, facts: FoundFacts | FactsUnavailable): void {
    if (this.#stage !== 'judging') return;
    if ('unavailable' in facts) {
      this.#context.counters.engineFailures++;
      const text = this.#engineDownText(facts.unavailable);
      return this.#answerUnforwarded(503, noDecision('engine-unavailable', text), text, {
        state: 'failed',
        status: 503,
        error: facts.unavailable,
      });
    }
    this.#record.target = facts.target;
    this.#resolvedId = facts.resolvedId;
    if (facts.refused !== undefined) {
      const text = `[${this.#context.settings.brand}] ${facts.refused}`;
      return this.#answerUnforwarded(403, noDecision('rule', text), text, { state: 'refused', status: 403 });
    }
    const { decision, audit, api, engineAnswer } = this.#verdict(request, facts);
    this.#record.decision = decision;
    this.#record.isAudited = audit;
    this.#record.api = api;
    if (decision.effect === 'deny') {
      const status = decision.reason === 'malformed' ? 400 : 403;
      return this.#answerUnforwarded(status, decision, decision.text, { state: 'refused', status });
    }
    if (engineAnswer !== undefined) {
      const { status, message } = engineAnswer;
      return this.#answerUnforwarded(status, decision, message, { state: 'failed', status, error: message });
    }
    if (request.route.class !== 'write') return this.#forward(request);
    this.#recordAndForward(request);
  }

  #verdict(request: ClassifiedRequest, facts: FoundFacts): Verdict {
    try {
      return this.#context.judge.judge({
        request,
        caller: this.#client.caller,
        target: this.#record.target,
        body: this.#record.body?.value,
        hasUnknownKeys: this.#record.body?.hasUnknownKeys === true,
        isUnresolved: facts.isUnresolved === true,
        workload: facts.workload,
      });
    } catch (error) {
      this.#context.log.error({ err: error, api: request.api }, 'the judge failed; the call is refused');
      const text = `[${this.#context.settings.brand}] The command ${request.api} was refused because it could not be judged.`;
      return { decision: noDecision('judge-error', text), audit: true };
    }
  }

  // --- records and answers of ours

  #recordAndForward(request: ClassifiedRequest): void {
    const { recorder, settings } = this.#context;
    if (recorder.refusal !== undefined && settings.whenUnrecordable === 'refuse') {
      recorder.noteUnrecorded();
      return this.#refuseUnrecordable(request, recorder.refusal.text);
    }
    const recorded = this.#record.beforeForwarding();
    const forward = () => {
      if (this.#stage === 'judging') this.#forward(request);
    };
    const refuse = (error: unknown) => {
      this.#record.wasLost();
      if (this.#stage !== 'judging') return;
      this.#context.counters.unrecorded++;
      if (settings.whenUnrecordable === 'pass') this.#forward(request);
      else this.#refuseUnrecordable(request, error instanceof Error ? error.message : String(error));
    };
    const proceed = () => {
      const durable = recorded.durable();
      this.#durable = durable;
      if (settings.durability === 'strict') return durable.then(forward, refuse);
      // Awaited before the answer; a rejection that comes earlier must not count as unhandled.
      durable.catch(() => {});
      return forward();
    };
    recorded.written.then(proceed, refuse);
  }

  /** Answers without asking the engine, after a record that holds the outcome is durable. */
  #answerUnforwarded(status: number, decision: EventDecision, message: string, outcome: EventOutcome): void {
    if (outcome.state === 'refused') this.#context.counters.refused++;
    this.#answerWhenDurable(this.#record.unforwarded(decision, outcome), status, message);
  }

  #refuseTooLarge(request: ClassifiedRequest): void {
    const limit = this.#context.settings.maxJudgedBodyBytes;
    this.#refuseMalformed(413, request.api, `The body of this request may have at most ${limit} bytes.`);
  }

  #refuseMalformed(status: number, api: string, reason: string): void {
    const text = `[${this.#context.settings.brand}] ${reason}`;
    this.#answerWhenDurable(this.#record.malformed(api, text, status), status, text);
  }

  #refuseUnrecordable(request: ClassifiedRequest, why: string): void {
    const text = `[${this.#context.settings.brand}] The command ${request.api} was not carried out because it cannot be recorded: ${why}`;
    this.#context.counters.refused++;
    this.#answer503(text);
  }

  #answer503(text: string): void {
    this.#stage = 'done';
    this.#sendOwn(503, text);
  }

  #answerWhenDurable(recorded: Recorded, status: number, message: string): void {
    this.#stage = 'refusing';
    const send = () => {
      if (this.#stage !== 'refusing') return;
      this.#stage = 'done';
      this.#sendOwn(status, message);
    };
    void recorded.written
      .then(() => recorded.durable())
      .then(send, (error: unknown) => {
        // A refusal stands even when it cannot be recorded; the recorder declares the gap.
        this.#context.counters.unrecorded++;
        this.#context.log.warn({ err: error }, 'a refusal could not be recorded');
        send();
      });
  }

  #sendOwn(status: number, message: string): void {
    const keepsAlive = this.#requestBody.isComplete && !this.#head.connectionClose && status !== 400 && status !== 408;
    const isHead = this.#head.method === 'HEAD';
    this.#client.write(formatOwnAnswer({ status, message, closes: !keepsAlive, isHead }));
    this.#client.finish(keepsAlive);
  }

  /** The record of a call that never got to the engine, after its client vanished. */
  #recordUnforwarded(error: string): void {
    const record = this.#record;
    const outcome: EventOutcome = { state: 'failed', error };
    if (record.decision?.effect === 'allow') record.outcome(outcome);
    else if (record.request !== undefined && record.decision === undefined) {
      record.unforwarded(noDecision('malformed', `[${this.#context.settings.brand}] ${error}`), outcome);
    }
  }

  // --- to the engine

  #forward(request: ClassifiedRequest): void {
    this.#stage = 'forwarding';
    this.#context.counters.forwarded++;
    const target = forwardedTarget(request, this.#resolvedId);
    const body = this.#record.body?.bytes;
    const text = formatRequestHead({
      head: this.#head,
      target,
      bodyLength: this.#record.body === undefined || this.#head.framing === 'none' ? undefined : (body?.length ?? 0),
      contentType: body === undefined ? undefined : 'application/json',
      mayUpgrade: request.route.hijacks,
      passMark: this.#context.passMark?.(this.#head.method, target),
    });
    this.#sent = body === undefined ? text : Buffer.concat([Buffer.from(text, 'latin1'), body]);
    const engine = this.#context.pool.acquire(this);
    this.#engine = engine;
    if (this.#requestBody.isComplete) {
      engine.write(this.#sent);
      // While the engine works, the record is made; most answers are a 200, and then only the writing is left to do.
      if (request.route.class !== 'write') this.#record.prepareRead();
    } else {
      if (this.#head.expectContinue) this.#client.write(continueAnswer);
      engine.cork();
      engine.write(this.#sent);
      this.#client.pump();
      engine.uncork();
    }
    if (this.#client.isEnded) this.onClientEnd();
  }

  #stream(bytes: Buffer, start: number, end: number): number {
    const consumed = this.#requestBody.push(bytes, start, end);
    if (this.#requestBody.refusal !== undefined) {
      this.#abort('the client sent a malformed body');
      return consumed;
    }
    this.#hasSentStream = true;
    if (consumed > 0 && !(this.#engine as EngineConnection).write(bytes.subarray(start, start + consumed))) {
      this.#client.pause();
    }
    return consumed;
  }

  /** Ends both sides of an exchange that cannot be completed. The outcome is recorded when it is not yet. */
  #abort(error: string): void {
    if (this.#stage === 'forwarding') this.#record.outcome({ state: 'unknown', error });
    this.#breakOff();
  }

  #breakOff(): void {
    this.#stage = 'done';
    this.#dropEngine();
    this.#client.destroy();
  }

  #dropEngine(): void {
    if (this.#engine !== undefined) this.#context.pool.discard(this.#engine);
    this.#engine = undefined;
  }

  #onEngineFailed(error: NodeJS.ErrnoException | undefined): void {
    const failed = this.#engine as EngineConnection;
    const isFresh = failed.exchanges === 0;
    const wasRefused = error?.syscall === 'connect';
    // An idle connection that the engine closed: safe calls go again; others only when no byte can have been read.
    const neverArrived = error?.code === 'EPIPE' && error.syscall === 'write';
    if (!isFresh && !this.#hasSentStream && this.#requestBody.isComplete && !this.#answerHead.hasBegun) {
      if (safeMethods.has(this.#head.method) || neverArrived) {
        this.#context.pool.discard(failed);
        this.#context.pool.purge();
        this.#hasEngineEnded = false;
        this.#engine = this.#context.pool.acquire(this);
        this.#engine.write(this.#sent);
        return;
      }
    }
    this.#dropEngine();
    this.#context.counters.engineFailures++;
    const code = error?.code ?? 'closed';
    this.#context.pool.reportDown(code);
    if (wasRefused) this.#answerFailure(503, this.#engineDownText(code), { state: 'failed', status: 503, error: code });
    else {
      const text = `[${this.#context.settings.brand}] the Docker engine closed the connection before it answered (${code}); whether the call took effect is unknown.`;
      this.#answerFailure(502, text, { state: 'unknown', status: 502, error: code });
    }
  }

  #engineDownText(code: string): string {
    const { settings, pool } = this.#context;
    return `[${settings.brand}] the Docker engine at ${pool.address} cannot be reached (${code}). Is it running? The call was not carried out.`;
  }

  #answerFailure(status: number, text: string, outcome: EventOutcome): void {
    this.#answerWhenDurable(this.#record.outcome(outcome), status, text);
  }

  // --- from the engine

  #onHeadBytes(bytes: Buffer, length: number): boolean {
    const answer = this.#answerHead.push(bytes, length);
    if (answer.kind === 'head') return this.#onAnswerHead(answer.head, answer.bytes);
    if (answer.kind === 'incomplete') return true;
    this.#context.log.error({ reason: answer.reason }, 'the engine sent a malformed answer');
    this.#onEngineFailed(Object.assign(new Error(answer.reason), { code: 'malformed-answer' }));
    return false;
  }

  #onAnswerHead(answer: ResponseHead, bytes: Buffer): boolean {
    const request = this.#record.request as ClassifiedRequest;
    if (answer.isSwitch && !(request.route.hijacks && this.#head.wantsUpgrade)) {
      this.#onEngineFailed(Object.assign(new Error('unasked 101'), { code: 'malformed-answer' }));
      return false;
    }
    this.#stage = 'recording';
    this.#answer = answer;
    const { status } = answer;
    const outcome: EventOutcome = { state: status < 400 ? 'done' : 'failed', status };
    const recorded = this.#record.awaitsOutcome ? undefined : this.#record.outcome(outcome);
    if (recorded?.isWritten === true) return this.#passOn(bytes, true);
    // The read buffer is used again before the record is written.
    this.#held.push(Buffer.from(bytes));
    const go = () => this.#onRecorded();
    if (recorded !== undefined) {
      recorded.written.then(go, go);
      return true;
    }
    const id = createdIdOf(request.api, answer, bytes);
    const made = id === undefined ? undefined : this.#context.facts.created(request, this.#client.caller, id);
    void this.#recordOutcome(outcome, made).then(go, go);
    return true;
  }

  async #recordOutcome(outcome: EventOutcome, made: Promise<Target | undefined> | undefined) {
    const recorded = this.#record.outcome(outcome, await made);
    // The request's record decides whether the answer may go out: durable, or the client never learns of the call.
    await this.#durable;
    await recorded.written;
  }

  /** The record is as safe as it must be: what was held back may go out. */
  #onRecorded(): void {
    if (this.#stage !== 'recording') return;
    const [first, ...rest] = this.#held;
    this.#held = [];
    let mayRead = this.#passOn(first as Buffer, false);
    for (const bytes of rest) mayRead = this.#onHeldBytes(bytes) && mayRead;
    if (this.#isDone()) return;
    if (this.#hasEngineEnded) this.onEngineEnd();
    else if (mayRead) this.#engine?.resume();
    else this.#engine?.pause();
  }

  #onHeldBytes(bytes: Buffer): boolean {
    if (this.#stage === 'tunnel') return this.#toClient(bytes, false);
    return this.#stage === 'answering' ? this.#onAnswerBytes(bytes, bytes.length, false) : true;
  }

  /** Sends the answer's head and what came with it. Answers false when the client cannot take more. */
  #passOn(bytes: Buffer, isLive: boolean): boolean {
    const answer = this.#answer as ResponseHead;
    const request = this.#record.request as ClassifiedRequest;
    if (answer.isSwitch || (answer.isRawStream && request.route.hijacks)) {
      this.#stage = 'tunnel';
      const mayRead = this.#toClient(bytes, isLive);
      this.#client.pump();
      if (this.#client.isEnded) this.onClientEnd();
      return mayRead;
    }
    this.#stage = 'answering';
    const body = new MessageBody(answer.framing, answer.contentLength);
    this.#answerBody = body;
    const sent = answer.headBytes + body.push(bytes, answer.headBytes, bytes.length);
    if (body.refusal !== undefined) {
      this.#breakOff();
      return true;
    }
    this.#hasSpareBytes = sent < bytes.length;
    const mayRead = this.#toClient(sent === bytes.length ? bytes : bytes.subarray(0, sent), isLive);
    if (body.isComplete) this.#onAnswerComplete();
    return mayRead || this.#isDone();
  }

  #onAnswerBytes(bytes: Buffer, length: number, isLive: boolean): boolean {
    const body = this.#answerBody as MessageBody;
    const count = body.push(bytes, 0, length);
    if (body.refusal !== undefined) {
      this.#context.log.error({ reason: body.refusal }, 'the engine sent a malformed answer body');
      this.#breakOff();
      return false;
    }
    this.#hasSpareBytes ||= count < length;
    const mayRead = count === 0 || this.#toClient(bytes.subarray(0, count), isLive);
    if (body.isComplete) this.#onAnswerComplete();
    return mayRead;
  }

  #toClient(bytes: Buffer, isLive: boolean): boolean {
    const mayRead = this.#client.write(bytes);
    if (isLive && !this.#client.isFlushed) this.#engine?.keepBuffer();
    return mayRead;
  }

  #onAnswerEnd(): void {
    if (this.#answer?.framing === 'until-close') this.#onAnswerComplete();
    // The client must see that the answer was cut, not a shorter answer.
    else this.#breakOff();
  }

  #onAnswerComplete(): void {
    const answer = this.#answer as ResponseHead;
    const keepsEngine =
      this.#requestBody.isComplete && !answer.connectionClose && !this.#hasSpareBytes && !this.#hasEngineEnded;
    if (keepsEngine && this.#engine !== undefined) {
      this.#context.pool.release(this.#engine);
      this.#engine = undefined;
    }
    this.#finish(this.#requestBody.isComplete && !answer.connectionClose && !this.#head.connectionClose);
  }

  #finish(keepsAlive: boolean): void {
    this.#stage = 'done';
    this.#dropEngine();
    this.#client.finish(keepsAlive);
  }
}
