// Takes pictures of every page of a real Console filled with sample events; of the event also dark and as on a phone.
// Run: npm run screenshots [DIRECTORY]; defaults to docs/images. With a directory: every page in every look, to be looked at. Needs the built page and a Chromium.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessEvent, StoredAccessEvent } from '@dockledger/contract';
import { channelRoutes } from '@dockledger/contract';
import { admin, startTestConsole } from '../packages/console/src/testing/test-console.ts';
import { browserMissing, openBrowser } from '../packages/web/browser/open-browser.ts';
import { anEvent, sampleEvents } from '../packages/web/browser/sample-events.ts';
import { sampleDefenders, sampleRules } from '../packages/web/browser/sample-state.ts';

const takesAll = process.argv[2] !== undefined;
const directory = process.argv[2] ?? join(import.meta.dirname, '../docs/images');
const rows = 3000;
const json = { 'content-type': 'application/json' };

/** The event as the Defender of its host would have numbered it. */
function toSent(event: StoredAccessEvent, seq: number): AccessEvent {
  const { ledgerIndex: _, receivedAt: __, collections: ___, ...sent } = event;
  const defenderId = `d-${event.host.hostname}`;
  return { ...sent, defenderId, seq, id: `${defenderId}.1.${seq}` };
}

/** What the Console takes for now: each event arrives right after it happened. */
const clock: { nowMs: number | undefined } = { nowMs: undefined };

function expectDone(answer: { readonly status: number; readonly text: string }): void {
  if (answer.status >= 300) throw new Error(`The Console answered ${answer.status}: ${answer.text}`);
}

async function fill(console_: Awaited<ReturnType<typeof startTestConsole>>): Promise<void> {
  const nowMs = Date.now();
  const gap = anEvent(0, nowMs - 40_000, {
    type: 'gap',
    api: 'gap',
    actor: { user: '' },
    host: { hostname: 'web-2' },
    decision: { rule: '', reason: '', text: '41 events of web-2 are missing: its spool was full' },
  });
  const lastSeq = new Map<string, number>();
  for (const event of [gap, ...sampleEvents(rows, nowMs - 60_000)].toReversed()) {
    const { hostname } = event.host;
    const seq = (lastSeq.get(hostname) ?? 0) + 1;
    lastSeq.set(hostname, seq);
    clock.nowMs = Date.parse(event.time) + 120;
    expectDone(await console_.defender(`d-${hostname}`).send([toSent(event, seq)]));
  }
  clock.nowMs = undefined;
  for (const view of sampleDefenders(nowMs) as { defenderId: string; host: { hostname: string } }[]) {
    const seq = (lastSeq.get(view.host.hostname) ?? 0) + 1;
    const defender = console_.defender(view.defenderId);
    const hello = { ...view, version: '0.1.0', epoch: 1, firstSeq: seq, nextSeq: seq, sentAt: nowMs };
    const { defenderId, host, version, epoch, firstSeq, nextSeq, sentAt } = hello;
    const said = { defenderId, host, version, epoch, firstSeq, nextSeq, sentAt };
    expectDone(
      await defender.request(channelRoutes.hello, { method: 'POST', headers: json, body: JSON.stringify(said) }),
    );
    const { backlog, conditions, engine, rulesVersion } = view as unknown as Record<string, unknown>;
    const report = { defenderId, backlog, conditions, engine, rulesVersion, sentAt };
    expectDone(
      await defender.request(channelRoutes.status, { method: 'POST', headers: json, body: JSON.stringify(report) }),
    );
  }
  const body = JSON.stringify({ accessRules: sampleRules() });
  expectDone(await console_.api.send('/api/dockledger/v1/rules', { method: 'PUT', headers: json, body }));
  const compliance = {
    name: 'Baseline',
    condition: { vulnerabilities: [54, 531, 59].map((id) => ({ id, block: id === 54 })) },
  };
  expectDone(
    await console_.api.send('/api/dockledger/v1/compliance-rules', {
      method: 'PUT',
      headers: json,
      body: JSON.stringify({ complianceRules: [compliance] }),
    }),
  );
  const databases = { name: 'databases', description: 'What keeps our data', images: ['postgres*', 'mysql*'] };
  const production = { name: 'production', hosts: ['web-*', 'db-*'], labels: ['stage:production'] };
  for (const collection of [databases, production]) {
    const made = JSON.stringify(collection);
    expectDone(await console_.api.send('/api/v1/collections', { method: 'POST', headers: json, body: made }));
  }
  const users = [
    { username: 'auditor', role: 'auditor', collections: [] },
    { username: 'dba', role: 'devSecOps', collections: ['databases'] },
    { username: 'olga', role: 'operator', collections: [] },
  ];
  for (const { collections, ...user } of users) {
    const permissions = collections.length === 0 ? [] : [{ project: 'Central Console', collections }];
    const made = JSON.stringify({ ...user, password: 'Correct horse: 1 staple', permissions });
    expectDone(await console_.api.send('/api/v1/users', { method: 'POST', headers: json, body: made }));
  }
  await console_.indexed();
}

if (browserMissing !== undefined) throw new Error(`No pictures can be taken: ${browserMissing}.`);
await mkdir(directory, { recursive: true });
await using console_ = await startTestConsole({}, { now: () => clock.nowMs ?? Date.now() });
await fill(console_);
const base = console_.running.endpoints.console;
const found = await console_.api.send('/api/dockledger/v1/events?api=container_create&limit=1');
const refused = found.json<{ events: { id: string }[] }>().events[0]?.id ?? '';
const pages: readonly [string, string][] = [
  ['overview', '/'],
  ['events', '/events'],
  ['event', `/events?user=alice&event=${refused}`],
  ['rules', '/rules'],
  ['rules-test', '/rules'],
  ['compliance', '/rules/compliance'],
  ['users', '/settings'],
  ['collections', '/settings/collections'],
  ['defenders', '/defenders'],
  ['evidence', '/evidence'],
];
const looks = [
  { name: '', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { name: '-dark', colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  { name: '-phone', colorScheme: 'light', viewport: { width: 360, height: 740 } },
] as const;
for (const { name: look, colorScheme, viewport } of looks) {
  await using browser = await openBrowser({ colorScheme, viewport });
  const page = await browser.context.newPage();
  await page.goto(base);
  await page.getByLabel('User name').fill(admin.username);
  await page.getByLabel('Password').fill(admin.password);
  await page.keyboard.press('Enter');
  await page.locator('.bar').waitFor();
  for (const [name, path] of pages) {
    // All looks of all pages are taken into a directory of one's own; the documentation keeps the few that differ.
    if (look !== '' && name !== 'event' && !takesAll) continue;
    await page.goto(`${base}${path}`);
    await page.locator('tr.row, .rule, .plain tbody tr, .assurance').first().waitFor();
    if (name === 'event') await page.getByText('Proven').waitFor();
    if (name === 'rules-test') {
      await page.getByRole('button', { name: 'New rule', exact: true }).click();
      await page.getByRole('button', { name: 'Test a command' }).click();
      await page.locator('.verdict').first().waitFor();
      await page.locator('.would-match b').first().waitFor();
    }
    if (name === 'compliance') await page.getByRole('button', { name: 'Edit' }).first().click();
    await page.waitForLoadState('load');
    // The chart and the counts come after the rows; nothing on the page says when the last of them is drawn.
    await page.waitForTimeout(800);
    await page.screenshot({ path: join(directory, `${name}${look}.png`) });
  }
}
