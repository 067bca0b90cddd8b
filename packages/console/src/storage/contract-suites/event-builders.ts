// Makes access events for tests: plain ones with overrides, and awkward ones whose values come from small pools so that they meet.
import type { StoredAccessEvent } from '@dockledger/contract';
import * as fc from 'fast-check';

/** The moment around which test events happen. Recent, so that searches from now backwards meet them in every span. */
export const baseMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;

/** What a test says about an event; everything else is plain. */
export interface EventFacts {
  readonly ledgerIndex: number;
  readonly timeMs?: number;
  readonly receivedMs?: number;
  readonly type?: StoredAccessEvent['type'];
  readonly user?: string;
  readonly api?: string;
  readonly allow?: boolean;
  readonly rule?: string;
  readonly hostname?: string;
  readonly cluster?: string;
  readonly containerName?: string;
  readonly imageName?: string;
  readonly sourceIP?: string;
  readonly sessionId?: string;
  readonly text?: string;
  readonly raw?: string;
  readonly count?: number;
  readonly collections?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly outcome?: StoredAccessEvent['outcome'];
  readonly ofEvent?: string;
}

/** An event with these facts. */
export function anEvent(facts: EventFacts): StoredAccessEvent {
  const timeMs = facts.timeMs ?? baseMs + facts.ledgerIndex;
  return {
    v: 1,
    id: `def-1.1.${facts.ledgerIndex + 1}`,
    defenderId: 'def-1',
    epoch: 1,
    seq: facts.ledgerIndex + 1,
    ledgerIndex: facts.ledgerIndex,
    receivedAt: new Date(facts.receivedMs ?? timeMs).toISOString(),
    collections: [...(facts.collections ?? ['All'])],
    type: facts.type ?? 'docker',
    api: facts.api ?? 'container_start',
    time: new Date(timeMs).toISOString(),
    count: facts.count ?? 1,
    decision: {
      effect: facts.allow === false ? 'deny' : 'allow',
      rule: facts.rule ?? 'Default - allow all',
      reason: 'rule',
      text: facts.text ?? '',
      findings: [],
    },
    outcome: facts.outcome ?? { state: 'done', status: 204 },
    actor: {
      user: facts.user ?? 'alice',
      userSource: 'login',
      ...(facts.sourceIP !== undefined && { sourceIP: facts.sourceIP }),
      ...(facts.sessionId !== undefined && { sessionId: facts.sessionId }),
    },
    target: {
      ...(facts.containerName !== undefined && { containerName: facts.containerName }),
      ...(facts.imageName !== undefined && { imageName: facts.imageName }),
      ...(facts.labels !== undefined && { labels: { ...facts.labels } }),
    },
    host: { hostname: facts.hostname ?? 'host-1', fqdn: '', cluster: facts.cluster ?? '', accountID: '' },
    provenance: 'proxy',
    ...(facts.raw !== undefined && { raw: facts.raw }),
    ...(facts.ofEvent !== undefined && { ofEvent: facts.ofEvent }),
  };
}

/** Values that a careless store would read as something else than themselves. */
export const awkwardTexts: readonly string[] = [
  '',
  'alice',
  'Alice',
  'ALICE ',
  "o'neill",
  "' OR 1=1 --",
  "'; DROP TABLE events_v1; --",
  '\\',
  "\\'",
  '%',
  '_',
  'a%b',
  '{p0:String}',
  '$1',
  '/web',
  'tab\there',
  'line\n\nINSERT INTO events_v1 VALUES (1)',
  'nul\u0000inside',
  'straße',
  'ÉCOLE',
  '\u{1F40B}whale',
  '\uFFFDreplacement',
  '\uE000private',
  'lone\uD800surrogate',
  'null',
  '[]',
  "['x']",
];

const textArbitrary = fc.oneof(
  { arbitrary: fc.constantFrom(...awkwardTexts), weight: 8 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 6 }), weight: 1 },
);

/** Text that may meet an event's. */
export const awkwardText: fc.Arbitrary<string> = textArbitrary;

const hourMs = 3_600_000;
// Few distinct times, so that ties are common; in every span that a search widens over.
const ages = [0, 0, 1, 2, 1000, hourMs - 1, hourMs, 5 * hourMs, 26 * hourMs, 9 * 24 * hourMs, 40 * 24 * hourMs];

/** A time at which events may lie. */
export const awkwardTime: fc.Arbitrary<number> = fc.oneof(
  { arbitrary: fc.constantFrom(...ages.map((age) => baseMs - age)), weight: 12 },
  { arbitrary: fc.constantFrom(Date.UTC(1969, 11, 31), Date.UTC(1999, 0, 1), baseMs + 3 * 24 * hourMs), weight: 1 },
);

/** Events at the ledger positions 0, 1, 2, …, some of them outcomes of earlier ones. */
export function awkwardEvents(size: number): fc.Arbitrary<StoredAccessEvent[]> {
  const facts = fc.record({
    timeMs: awkwardTime,
    type: fc.constantFrom('docker', 'docker', 'sshd', 'sudo', 'gap', 'outcome'),
    user: textArbitrary,
    api: textArbitrary,
    allow: fc.boolean(),
    rule: textArbitrary,
    hostname: textArbitrary,
    containerName: textArbitrary,
    imageName: textArbitrary,
    text: textArbitrary,
    raw: textArbitrary,
    sourceIP: fc.constantFrom('', '10.0.0.1', '::1'),
    count: fc.constantFrom(1, 1, 1, 7),
    collections: fc.subarray(['All', 'prod', "it's", 'ÉCOLE']),
    labels: fc.constantFrom({}, { a: '1' }, { b: "'", a: '2' }),
    state: fc.constantFrom('done', 'pending', 'unknown'),
    ofIndex: fc.nat({ max: Math.max(0, size - 1) }),
  });
  return fc.array(facts, { minLength: size, maxLength: size }).map((all) =>
    all.map(({ state, ofIndex, type, ...rest }, ledgerIndex) =>
      anEvent({
        ...rest,
        type,
        ledgerIndex,
        receivedMs: Math.max(rest.timeMs, baseMs - 45 * 24 * hourMs),
        outcome: { state, status: 200 + (ledgerIndex % 7) },
        ...(type === 'outcome' && { ofEvent: `def-1.1.${ofIndex + 1}` }),
      }),
    ),
  );
}
