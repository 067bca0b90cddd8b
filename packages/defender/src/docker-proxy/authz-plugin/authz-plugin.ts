// The authorization plugin: the second net, for whoever reaches the engine without passing the proxy. Same judge, same record.
// Invariant: an answer is `{"Allow":true}` only after an allow that is on record, or for a mark of our own proxy; whatever
// else happens, an error and a late verdict included, is `{"Allow":false}` with status 200.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { EventDecision, EventOutcome, Recorder, Target } from '@dockledger/contract';
import type { Caller } from '../../ports.ts';
import type { AppLog } from '../app-log.ts';
import { callerKeyOf, draftOf, malformedDraft, mergeKeyOf } from '../event-draft.ts';
import { type ListenAddress, listenOnSocket } from '../listen.ts';
import type { ClassifiedRequest, ExchangeSettings, JudgedBody, RequestJudge, TargetFinder } from '../proxy-context.ts';
import { summaryOf } from '../request-summary.ts';
import type { PassMarks } from './pass-marks.ts';
import { type PluginRequest, parsePluginRequest } from './plugin-request.ts';

/** What a plugin is made of. */
export interface AuthzPluginOptions {
  readonly marks: Pick<PassMarks, 'consume'>;
  /** The judge for callers whom the engine has named. */
  readonly judge: RequestJudge;
  /** The judge for everybody else: a rule that refuses somebody refuses them, as they may be that somebody. */
  readonly judgeOfUnknown: RequestJudge;
  readonly facts: TargetFinder;
  readonly recorder: Recorder;
  readonly log: AppLog;
  readonly settings: Pick<ExchangeSettings, 'brand' | 'durability' | 'whenUnrecordable'>;
  /** How long a verdict may take. Defaults to 4,000: the engine itself would wait for ever. */
  readonly deadlineMs?: number;
  /** How long the answer of an allowed call is waited for before its outcome counts as unknown. Defaults to 10,000. */
  readonly outcomeWithinMs?: number;
  /** Milliseconds since 1970. Defaults to Date.now. */
  readonly now?: () => number;
}

/** A running plugin. */
export interface AuthzPlugin {
  /** Begins to accept; the socket gets mode 0600. Throws `bad_setting` or `conflict`. */
  listen(address: ListenAddress): Promise<void>;
  close(): Promise<void>;
}

interface PluginAnswer {
  readonly Allow: boolean;
  readonly Msg?: string;
}

/** A recorded call whose answer the engine has not shown yet. */
interface Pending {
  readonly rid: string;
  readonly until: number;
}

// 4 MiB of body in base64, headers and certificates; no engine sends more.
const maxMessageBytes = 16 * 1024 * 1024;
const maxPending = 10_000;

/** Makes a plugin that does not listen yet. */
export function createAuthzPlugin(options: AuthzPluginOptions): AuthzPlugin {
  const { recorder, log, settings } = options;
  const now = options.now ?? Date.now;
  const deadlineMs = options.deadlineMs ?? 4_000;
  const outcomeWithinMs = options.outcomeWithinMs ?? 10_000;
  const pending = new Map<string, Pending[]>();
  let pendingCount = 0;

  const say = (sentence: string) => `[${settings.brand}] ${sentence}`;

  /** Resolves when a refusal may be answered. A refusal stands even when it cannot be recorded. */
  const recordRefusal = async (draft: Parameters<Recorder['request']>[0]['draft']): Promise<void> => {
    const outcome: EventOutcome = { state: 'refused', status: 403 };
    const recorded = recorder.request({ kind: 'request', rid: recorder.nextRid(), draft, outcome });
    try {
      await recorded.written;
      await recorded.durable();
    } catch (error) {
      log.warn({ err: error }, 'a refusal could not be recorded');
    }
  };

  const refuseMalformed = async (caller: Caller, api: string, sentence: string): Promise<PluginAnswer> => {
    const text = say(sentence);
    await recordRefusal({ ...malformedDraft(caller, api, text, now()), provenance: 'plugin' });
    return { Allow: false, Msg: text };
  };

  const nobody: Caller = { actor: { user: '', userSource: 'unknown' }, principals: [], groups: [] };

  const decide = async (bytes: Buffer, signal: AbortSignal): Promise<PluginAnswer> => {
    const call = parsePluginRequest(bytes);
    if ('refusal' in call) return refuseMalformed(nobody, 'unknown', `The call was refused: ${call.refusal}.`);
    if (call.passMark !== undefined && options.marks.consume(call.passMark, call.method, call.uri))
      return { Allow: true };
    const isNamed = call.caller.principals.length > 0;
    const judge = isNamed ? options.judge : options.judgeOfUnknown;
    const request = judge.classify(call.head);
    if (request.kind === 'refusal') return refuseMalformed(call.caller, request.api, request.reason);
    if (call.isForm && (call.method === 'POST' || call.method === 'PUT')) {
      return refuseMalformed(
        call.caller,
        request.api,
        'A form body is refused: the engine would let it override the query.',
      );
    }
    const body = readBody(judge, request, call);
    if ('refusal' in body) return refuseMalformed(call.caller, request.api, body.refusal);
    return judgeCall(judge, request, call, body, signal);
  };

  const judgeCall = async (
    judge: RequestJudge,
    request: ClassifiedRequest,
    call: PluginRequest,
    body: JudgedBody,
    signal: AbortSignal,
  ): Promise<PluginAnswer> => {
    const startedMs = now();
    const facts = await options.facts.find(request, call.caller, body.value);
    const draft = (decision: EventDecision, target: Target, api = request.api) => ({
      ...draftOf(
        { ...request, api },
        call.method,
        call.caller,
        target,
        decision,
        summaryOf(request, body.value),
        startedMs,
      ),
      provenance: 'plugin' as const,
    });
    const deny = async (reason: string, text: string, target: Target): Promise<PluginAnswer> => {
      await recordRefusal(draft({ effect: 'deny', rule: '', reason, text, findings: [] }, target));
      return { Allow: false, Msg: text };
    };
    if ('unavailable' in facts) {
      return deny(
        'engine-unavailable',
        say(`The engine could not be asked about this call (${facts.unavailable}).`),
        {},
      );
    }
    if (facts.refused !== undefined) return deny('rule', say(facts.refused), facts.target);
    const { decision, audit, api, engineAnswer } = judge.judge({
      request,
      caller: call.caller,
      target: facts.target,
      body: body.value,
      hasUnknownKeys: body.hasUnknownKeys === true,
      isUnresolved: facts.isUnresolved === true,
      workload: facts.workload,
    });
    // After the deadline the engine has been told no; nothing may be recorded as allowed.
    if (signal.aborted) return { Allow: false };
    if (decision.effect === 'deny') {
      await recordRefusal(draft(decision, facts.target, api));
      return { Allow: false, Msg: decision.text };
    }
    // The proxy answers 404 here, so that the client pulls; a plugin can only refuse.
    if (engineAnswer !== undefined)
      return deny('compliance', say(`${engineAnswer.message}. Pull it first.`), facts.target);
    return allow(request, call, draft(decision, facts.target, api), audit, signal);
  };

  const allow = async (
    request: ClassifiedRequest,
    call: PluginRequest,
    draft: Parameters<Recorder['request']>[0]['draft'],
    audit: boolean,
    signal: AbortSignal,
  ): Promise<PluginAnswer> => {
    const isWrite = request.route.class === 'write';
    const refusal = (why: string): PluginAnswer => ({
      Allow: false,
      Msg: say(`The command ${request.api} was not carried out because it cannot be recorded: ${why}`),
    });
    const mustRecord = isWrite && settings.whenUnrecordable === 'refuse';
    if (mustRecord && recorder.refusal !== undefined) {
      recorder.noteUnrecorded();
      return refusal(recorder.refusal.text);
    }
    const rid = recorder.nextRid();
    try {
      // The engine shows no trustworthy outcome of a read, so none is waited for.
      const mergeKey = mergeKeyOf(callerKeyOf(call.caller), request, draft.target, draft.decision, 0);
      const asRead = { outcome: { state: 'unknown' } as const, mergeKey };
      const recorded = recorder.request({ kind: 'request', rid, draft, audit, ...(!isWrite && asRead) });
      await recorded.written;
      if (isWrite && settings.durability === 'strict') await recorded.durable();
      if (isWrite && signal.aborted) {
        recorder.outcome(rid, { state: 'refused', status: 403 }).written.catch(() => {});
        return { Allow: false };
      }
      if (isWrite) remember(keyOf(call), rid);
    } catch (error) {
      if (mustRecord) return refusal(error instanceof Error ? error.message : String(error));
      log.warn({ err: error }, 'a call could not be recorded');
    }
    return { Allow: true };
  };

  const remember = (key: string, rid: string) => {
    const list = pending.get(key);
    const entry: Pending = { rid, until: now() + outcomeWithinMs };
    if (list === undefined) pending.set(key, [entry]);
    else list.push(entry);
    if (++pendingCount > maxPending) sweep(Number.POSITIVE_INFINITY);
  };
  const settle = (rid: string, outcome: EventOutcome) => {
    pendingCount--;
    recorder.outcome(rid, outcome).written.catch((error: unknown) => {
      log.warn({ err: error }, 'an outcome could not be recorded');
    });
  };
  const sweep = (until: number) => {
    for (const [key, list] of pending) {
      while (list[0] !== undefined && list[0].until <= until)
        settle((list.shift() as Pending).rid, { state: 'unknown' });
      if (list.length === 0) pending.delete(key);
    }
  };
  const sweeper = setInterval(() => sweep(now()), Math.max(50, Math.min(1_000, outcomeWithinMs / 2)));
  sweeper.unref();

  /** Learns the outcome. Never refuses: the engine has acted by now. */
  const onAnswer = (bytes: Buffer): PluginAnswer => {
    if (pendingCount === 0) return { Allow: true };
    const call = parsePluginRequest(bytes);
    if ('refusal' in call) return { Allow: true };
    const key = keyOf(call);
    const list = pending.get(key);
    const first = list?.shift();
    if (first === undefined) return { Allow: true };
    if (list?.length === 0) pending.delete(key);
    // An implicit 200 and every error of a handler come without a status: nothing can be told from that.
    settle(first.rid, call.status === undefined ? { state: 'unknown' } : { state: 'done', status: call.status });
    return { Allow: true };
  };

  const decideInTime = async (bytes: Buffer): Promise<PluginAnswer> => {
    const late = new AbortController();
    const { promise, resolve } = Promise.withResolvers<PluginAnswer>();
    const timer = setTimeout(() => {
      late.abort();
      log.error({ deadlineMs }, 'a verdict took too long; the call is refused');
      void refuseMalformed(nobody, 'unknown', 'The call was refused because its verdict took too long.').then(resolve);
    }, deadlineMs);
    const verdict = decide(bytes, late.signal).catch((error: unknown) => {
      log.error({ err: error }, 'the judge failed; the call is refused');
      return refuseMalformed(nobody, 'unknown', 'The call was refused because it could not be judged.');
    });
    const answer = await Promise.race([verdict, promise]);
    clearTimeout(timer);
    return answer;
  };

  const server = createServer(
    { requireHostHeader: false, keepAliveTimeout: 0, requestTimeout: 30_000 },
    (request, response) => {
      const answer = (body: object) => send(response, body);
      const path = request.method === 'POST' ? request.url : undefined;
      if (path === '/Plugin.Activate') {
        request.resume();
        answer({ Implements: ['authz'] });
      } else if (path === '/AuthZPlugin.AuthZReq') {
        readAll(request)
          .then(decideInTime)
          .then(answer, (error: unknown) => {
            log.warn({ err: error }, 'a message of the engine could not be read');
            answer({ Allow: false, Msg: say('The call was refused because the message about it could not be read.') });
          });
      } else if (path === '/AuthZPlugin.AuthZRes') {
        readAll(request)
          .then(onAnswer)
          .then(answer, () => answer({ Allow: true }));
      } else {
        request.resume();
        response.writeHead(404).end();
      }
    },
  );
  const sockets = new Set<Socket>();
  const closers: (() => Promise<void>)[] = [];

  return {
    listen: async (address) => {
      const rights = 'path' in address ? { ...address, mode: 0o600 } : address;
      const onConnection = (socket: Socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        server.emit('connection', socket);
      };
      const listener = await listenOnSocket(rights, onConnection, 1_000);
      closers.push(() => new Promise((resolve) => listener.close(() => resolve())));
    },
    close: async () => {
      clearInterval(sweeper);
      const closed = closers.splice(0).map((closer) => closer());
      // The HTTP server did not listen itself, so it keeps no list of its connections.
      for (const socket of sockets) socket.destroy();
      sweep(Number.POSITIVE_INFINITY);
      await Promise.all(closed);
    },
  };
}

/** The body for the verdict. One that the engine may have hidden is refused: it runs what it does not show. */
function readBody(
  judge: RequestJudge,
  request: ClassifiedRequest,
  call: PluginRequest,
): JudgedBody | { readonly refusal: string } {
  if (request.route.body !== 'json') return { value: undefined, bytes: undefined };
  if (call.body.length > 0) return judge.readBody(request, call.body);
  // The engine never shows the body of `docker login`, which holds a password.
  if (request.api === 'docker_check_auth') return { value: undefined, bytes: undefined };
  const hidden = 'The body of this request was not shown, so it cannot be judged. Send it through the guarded socket.';
  if (call.claimsBody) return { refusal: hidden };
  const reading = judge.readBody(request, call.body);
  return 'refusal' in reading ? { refusal: hidden } : reading;
}

/** What the engine repeats with the answer, so that both can be paired without a number. */
function keyOf({ method, uri, body, caller }: PluginRequest): string {
  return createHash('sha256').update(`${method}\n${uri}\n${caller.actor.user}\n`).update(body).digest('base64');
}

function readAll(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxMessageBytes) {
        request.removeAllListeners('data');
        request.resume();
        reject(new Error('The message is too large.'));
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

function send(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(200, {
    'content-type': 'application/vnd.docker.plugins.v1.1+json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
