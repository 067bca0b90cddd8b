// `dockledger events`: the trail from a shell, newest last, and what follows as it comes.
// Invariant: each event is printed once; nothing that a host wrote can steer the terminal.
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, type StoredAccessEvent } from '@dockledger/contract';
import type { ConsoleClient } from '../console-client.ts';
import { exitCode } from '../exit-code.ts';
import { followStream } from '../named-console.ts';

/** Options of the command, by the name of the API's parameter. */
export const eventFilters: Readonly<Record<string, string>> = {
  '--user': 'user',
  '--api': 'api',
  '--type': 'type',
  '--container': 'container',
  '--image': 'image',
  '--rule': 'rule',
  '--effect': 'effect',
  '--host': 'hostname',
  '--source-ip': 'sourceIP',
  '--text': 'text',
  '--since': 'from',
  '--until': 'to',
};

/** What to print. */
export interface EventsRequest {
  readonly client: ConsoleClient;
  /** Options as given, of {@link eventFilters}. */
  readonly filters: ReadonlyMap<string, string>;
  readonly limit: string | undefined;
  readonly isFollowing: boolean;
  readonly json: boolean;
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `10m` and the like are counted back from now; everything else goes to the Console as it is. */
export function toTime(text: string, nowMs: number): string {
  const found = /^(\d+)([smhd])$/.exec(text);
  return found === null ? text : new Date(nowMs - Number(found[1]) * (units[found[2] ?? ''] ?? 0)).toISOString();
}

/** Control characters shown, not sent. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** One line for people. */
export function formatEvent(event: StoredAccessEvent): string {
  const { actor, target, decision, outcome } = event;
  const person = actor.user === '' ? '-' : actor.user;
  const rights =
    actor.effectiveUser !== undefined && actor.effectiveUser !== actor.user ? ` as ${actor.effectiveUser}` : '';
  const object = [target.containerName, target.imageName, target.other].filter(Boolean).join(' ');
  const verdict = decision.effect === 'deny' ? 'DENIED' : 'allowed';
  const by = decision.rule === '' ? '' : ` by ${decision.rule}`;
  const status = outcome.state === 'done' || outcome.state === 'refused' ? '' : ` (${outcome.state})`;
  const times = event.count > 1 ? ` (×${event.count})` : '';
  const alerts = decision.findings.length > 0 ? ` [${decision.findings.length} findings]` : '';
  const what = event.type === 'docker' ? event.api : `${event.type}: ${event.api}`;
  const said = event.type === 'condition' || event.type === 'gap' ? ` ${decision.text}` : '';
  return printable(
    `${event.time}  ${event.host.hostname}  ${person}${rights}  ${what}${object === '' ? '' : `  ${object}`}  ${verdict}${by}${status}${times}${alerts}${said}`,
  );
}

/** Prints and returns the exit code. With `--follow` it ends by SIGINT, SIGTERM or a closed pipe. */
export async function eventsCommand(request: EventsRequest): Promise<number> {
  if (request.limit !== undefined && !/^\d{1,6}$/.test(request.limit))
    throw new AppError('bad_setting', `Option --limit is "${request.limit}": write a whole number.`);
  const wanted = Number(request.limit ?? 50);
  const query = new URLSearchParams();
  for (const [option, value] of request.filters) {
    const name = eventFilters[option];
    if (name !== undefined) query.append(name, name === 'from' || name === 'to' ? toTime(value, Date.now()) : value);
  }
  const { client } = request;
  const print = (event: StoredAccessEvent) => console.log(request.json ? JSON.stringify(event) : formatEvent(event));

  const newest = async (parameters: URLSearchParams, most: number): Promise<StoredAccessEvent[]> => {
    const found: StoredAccessEvent[] = [];
    let cursor: string | undefined;
    while (found.length < most) {
      const page = new URLSearchParams(parameters);
      page.set('limit', String(Math.min(500, most - found.length)));
      if (cursor !== undefined) page.set('cursor', cursor);
      const answer = await client.json<{ events: StoredAccessEvent[]; nextCursor?: string }>(
        `/api/dockledger/v1/events?${page.toString()}`,
      );
      found.push(...answer.events);
      cursor = answer.nextCursor;
      if (cursor === undefined) break;
    }
    return found.toReversed();
  };

  if (!request.isFollowing) {
    for (const event of await newest(query, wanted)) print(event);
    return exitCode.ok;
  }
  return followEvents({ query, wanted, newest, print, client });
}

/** The most ids that are remembered against printing twice. */
const mostRemembered = 20_000;
const reconnectMs = 1000;

async function followEvents({
  query,
  wanted,
  newest,
  print,
  client,
}: {
  readonly query: URLSearchParams;
  readonly wanted: number;
  readonly newest: (query: URLSearchParams, most: number) => Promise<StoredAccessEvent[]>;
  readonly print: (event: StoredAccessEvent) => void;
  readonly client: ConsoleClient;
}): Promise<number> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  process.stdout.once('error', end);
  const printed = new Set<string>();
  const printOnce = (event: StoredAccessEvent) => {
    if (printed.has(event.id)) return;
    printed.add(event.id);
    for (const oldest of printed) {
      if (printed.size <= mostRemembered) break;
      printed.delete(oldest);
    }
    print(event);
  };
  const live = new URLSearchParams(query);
  live.delete('from');
  let lastSeenMs: number | undefined;
  while (!stop.signal.aborted) {
    // What comes while the page is on its way waits, so that nothing falls between the two.
    let waiting: StoredAccessEvent[] | undefined = [];
    const stream = followStream(
      client,
      `/api/dockledger/v1/events/live?${live.toString()}`,
      (data) => {
        const event = JSON.parse(data) as StoredAccessEvent;
        lastSeenMs = Date.now();
        if (waiting === undefined) printOnce(event);
        else waiting.push(event);
      },
      stop.signal,
    );
    // Awaited below; a refusal meanwhile must not count as unhandled.
    stream.catch(() => {});
    try {
      const missed = new URLSearchParams(query);
      // Events that were late on their way are older than the time at which they came.
      if (lastSeenMs !== undefined) missed.set('from', new Date(lastSeenMs - 60_000).toISOString());
      const page = lastSeenMs === undefined ? await newest(query, wanted) : await newest(missed, mostRemembered);
      lastSeenMs ??= Date.now();
      for (const event of [...page, ...waiting]) printOnce(event);
      waiting = undefined;
      await stream;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'unavailable') throw error;
      console.error(error.message);
    }
    await delay(reconnectMs, undefined, { signal: stop.signal }).catch(() => {});
  }
  return exitCode.ok;
}
