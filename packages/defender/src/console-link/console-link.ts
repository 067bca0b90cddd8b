// Keeps the Defender joined to its Console: delivers the outbox in order, fetches rules, reports conditions.
// Whatever the network does, no event is dropped and none is sent as new twice: only an answer moves the position.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import {
  AppError,
  type Condition,
  channelRoutes,
  defenderHeader,
  EventsAnswer,
  HelloAnswer,
  type Host,
  isAppError,
  productVersion,
  RuleSet,
  SequenceMismatch,
  type StatusReport,
} from '@dockledger/contract';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { Outbox } from '../ports.ts';
import type { CertificateKeeper } from './certificate-keeper.ts';
import type { ChannelClient } from './channel-client.ts';

const compress = promisify(gzip);

/** A batch is at most this large before compression, unless one event alone is larger. */
const batchLimits = { maxBytes: 4 * 1024 * 1024, maxEvents: 2000 };

const backoff = { firstMs: 200, mostMs: 30_000 };
const rulesWaitMs = 25_000;
const statusEveryMs = 5_000;
const renewalCheckMs = 3_600_000;

/** What the link tells of itself. */
export type LinkState =
  | { readonly state: 'connected' }
  | { readonly state: 'disconnected'; readonly since: string; readonly reason: string };

/** The running link. `close` stops it; what was not acknowledged stays in the outbox. */
export interface ConsoleLink extends AsyncDisposable {
  state(): LinkState;
  close(): Promise<void>;
}

/** What the link needs. `applyRules` throws when the set does not validate: the old one stays in force. */
export interface ConsoleLinkOptions {
  readonly client: ChannelClient;
  readonly outbox: Outbox;
  readonly defenderId: string;
  readonly host: Host;
  readonly rulesVersion: () => number;
  readonly applyRules: (rules: RuleSet) => Promise<void>;
  readonly status: () => Pick<StatusReport, 'conditions' | 'engine'>;
  /** Keeps certificate and trust fresh; left out only where no certificate lives long enough to be renewed. */
  readonly certificates?: CertificateKeeper;
  /** What is told of this host at every hello, for instance labels and operating system. */
  readonly facts?: () => Readonly<Record<string, unknown>>;
  readonly onState?: (state: LinkState) => void;
  readonly onWarning?: (text: string) => void;
  readonly random?: () => number;
}

/** Answers a wait that ends early when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done);
  });
}

function parseAnswer<Schema extends TSchema>(schema: Schema, body: unknown, what: string): Static<Schema> {
  if (Value.Check(schema, body)) return body;
  throw new AppError(
    'unavailable',
    `The Console's answer to ${what} is not understood. Update the Defender or the Console.`,
  );
}

/** Starts the link. It never gives up: exponential backoff with full jitter between 0.2 and 30 s. */
export function startConsoleLink(options: ConsoleLinkOptions): ConsoleLink {
  const { client, outbox, defenderId, host } = options;
  const random = options.random ?? Math.random;
  const stop = new AbortController();
  const { signal } = stop;
  let current: LinkState = { state: 'disconnected', since: new Date().toISOString(), reason: 'not yet connected' };

  const setState = (next: LinkState) => {
    const changed =
      next.state !== current.state ||
      (next.state === 'disconnected' && current.state === 'disconnected' && next.reason !== current.reason);
    // The moment of the first failure stays while attempts go on.
    current =
      next.state === 'disconnected' && current.state === 'disconnected' ? { ...next, since: current.since } : next;
    if (changed) options.onState?.(current);
  };

  const headers = { [defenderHeader]: defenderId, 'content-type': 'application/json' };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));

  const refusal = (status: number, body: unknown, what: string) => {
    const message = (body as { message?: unknown } | undefined)?.message;
    return new AppError(
      'unavailable',
      `The Console refused ${what} (${status})${typeof message === 'string' ? `: ${message}` : ''}`,
    );
  };

  const hello = async (epoch: number): Promise<number> => {
    const { firstSeq, nextSeq } = outbox.state();
    const body = {
      defenderId,
      version: productVersion,
      epoch,
      firstSeq,
      nextSeq,
      host,
      facts: options.facts?.() ?? {},
      sentAt: Date.now(),
    };
    const answer = await client.send('POST', channelRoutes.hello, { body: json(body), headers, signal });
    if (answer.status !== 200) throw refusal(answer.status, answer.body, 'the Defender');
    const { expectedSeq, ca } = parseAnswer(HelloAnswer, answer.body, 'hello');
    if (ca !== undefined) await options.certificates?.trust(ca);
    return expectedSeq;
  };

  /** Sends events of one epoch and answers the number that the Console expects next. */
  const sendEvents = async (epoch: number, events: readonly Uint8Array[]): Promise<number | 'forked'> => {
    const lines: Uint8Array[] = [];
    for (const event of events) lines.push(event, newline);
    const body = await compress(Buffer.concat(lines), { level: 1 });
    const answer = await client.send('POST', channelRoutes.events, {
      body,
      headers: {
        ...headers,
        'content-type': 'application/x-ndjson',
        'content-encoding': 'gzip',
        'dockledger-epoch': String(epoch),
      },
      timeoutMs: 60_000,
      signal,
    });
    if (answer.status === 200) return parseAnswer(EventsAnswer, answer.body, 'events').expectedSeq;
    if (answer.status !== 409) throw refusal(answer.status, answer.body, 'a batch of events');
    const mismatch = parseAnswer(SequenceMismatch, answer.body, 'events');
    if (mismatch.code !== 'forked') return mismatch.details.expectedSeq;
    options.onWarning?.(
      `The Console holds other events under the numbers of epoch ${epoch}; a new epoch begins. ${mismatch.message}`,
    );
    return 'forked';
  };

  /** Brings a Console that was restored from a backup what it lost of epochs that are over, before anything newer. */
  const deliverEnded = async (): Promise<void> => {
    for (const { epoch, endSeq } of outbox.endedEpochs()) {
      let next = await hello(epoch);
      while (!signal.aborted && next < endSeq) {
        const maxEvents = Math.min(batchLimits.maxEvents, endSeq - next);
        const batch = await outbox.readBatch(epoch, next, { ...batchLimits, maxEvents });
        // What is not kept any more has been declared as a gap, or expired.
        if (batch === undefined || batch.firstSeq !== next) break;
        const sent = await sendEvents(epoch, batch.events);
        if (sent === 'forked' || sent <= next) break;
        next = sent;
      }
    }
  };

  const deliver = async (): Promise<void> => {
    await deliverEnded();
    const { epoch } = outbox.state();
    let next = await hello(epoch);
    setState({ state: 'connected' });
    await outbox.acknowledge(epoch, next);
    while (!signal.aborted && outbox.state().epoch === epoch) {
      const batch = await outbox.readBatch(epoch, next, batchLimits);
      if (batch === undefined || batch.events.length === 0) {
        await outbox.waitForMore(next - 1, signal);
        continue;
      }
      if (batch.firstSeq !== next) {
        throw new AppError(
          'conflict',
          `The Console wants event ${next} of epoch ${epoch}, but the spool begins at ${batch.firstSeq}.`,
        );
      }
      const sent = await sendEvents(epoch, batch.events);
      if (sent === 'forked') {
        await outbox.beginEpoch('fork');
        return;
      }
      // The Console went back in time: what it lost of older epochs comes first.
      if (sent < next) return;
      next = sent;
      await outbox.acknowledge(epoch, next);
      setState({ state: 'connected' });
    }
  };

  const followRules = async (): Promise<void> => {
    const path = `${channelRoutes.rules}?after=${options.rulesVersion()}&waitMs=${rulesWaitMs}`;
    const answer = await client.send('GET', path, { headers, timeoutMs: rulesWaitMs + 10_000, signal });
    if (answer.status === 204) return;
    if (answer.status !== 200) throw refusal(answer.status, answer.body, 'the question for rules');
    await options.applyRules(parseAnswer(RuleSet, answer.body, 'rules'));
  };

  const report = async (): Promise<void> => {
    const { nextSeq, acknowledgedSeq } = outbox.state();
    const conditions: readonly Condition[] = options.status().conditions;
    const body: StatusReport = {
      defenderId,
      backlog: Math.max(0, nextSeq - acknowledgedSeq),
      conditions: [...conditions],
      engine: options.status().engine,
      rulesVersion: options.rulesVersion(),
      sentAt: Date.now(),
    };
    await client.send('POST', channelRoutes.status, { body: json(body), headers, signal });
    await pause(statusEveryMs, signal);
  };

  const renew = async (): Promise<void> => {
    await options.certificates?.renewWhenDue(signal);
    await pause(renewalCheckMs, signal);
  };

  /** Runs one duty for ever; a failure waits before the next attempt, longer each time. */
  const keep = async (duty: () => Promise<void>, onFailure: (error: Error) => void): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await duty();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        onFailure(error instanceof Error ? error : new Error(String(error)));
        const limit = Math.min(backoff.mostMs, backoff.firstMs * 2 ** failures++);
        await pause(limit * (0.2 + 0.8 * random()), signal);
      }
    }
  };

  const duties = Promise.all([
    keep(deliver, (error) =>
      setState({ state: 'disconnected', since: new Date().toISOString(), reason: error.message }),
    ),
    keep(followRules, (error) => {
      if (!isAppError(error, 'unavailable')) options.onWarning?.(error.message);
    }),
    keep(report, () => {}),
    keep(renew, (error) => options.onWarning?.(`The certificate could not be renewed yet. ${error.message}`)),
  ]);

  const close = async () => {
    stop.abort();
    client.close();
    await duties;
  };
  return { state: () => current, close, [Symbol.asyncDispose]: close };
}

const newline = Buffer.from('\n');
