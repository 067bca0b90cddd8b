// Takes a picture of each page, light and dark, narrow and wide, against the stand-in: `node browser/screenshots.ts DIR`.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openStandIn } from './api-stand-in.ts';
import { openBrowser } from './open-browser.ts';
import { anEvent, hostileEvent, sampleEvents } from './sample-events.ts';
import { sampleDefenders, sampleRules } from './sample-state.ts';

const [directory = 'screenshots', only = ''] = process.argv.slice(2);
await mkdir(directory, { recursive: true });
const nowMs = Date.now();
await using standIn = await openStandIn([
  hostileEvent(9001, nowMs - 30_000),
  anEvent(9000, nowMs - 40_000, {
    type: 'gap',
    api: 'gap',
    decision: { rule: '', reason: '', text: '41 events of web-2 are missing: its spool was full' },
    actor: { user: '' },
    host: { hostname: 'web-2' },
  }),
  ...sampleEvents(3000, nowMs - 60_000),
]);
standIn.defenders = sampleDefenders(nowMs);
standIn.rules = sampleRules();
const refused = standIn.events.find((event) => event.api === 'container_create')?.id ?? '';
const pages: readonly [string, string][] = [
  ['events', '/events'],
  ['event', `/events?user=alice&event=${refused}`],
  ['no-match', '/events?user=nobody&not.hostname=ci-1'],
  ['overview', '/'],
  ['rules', '/rules'],
  ['defenders', '/defenders'],
  ['evidence', '/evidence'],
];
for (const scheme of ['light', 'dark'] as const) {
  await using browser = await openBrowser({ colorScheme: scheme });
  const page = await browser.context.newPage();
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && console.log(message.text()));
  page.on('pageerror', (error) => console.log(error));
  for (const width of [1440, 360]) {
    await page.setViewportSize({ width, height: width === 360 ? 720 : 900 });
    await page.goto(`${standIn.url}/`);
    if ((await page.locator('.sign-in, .bar').first().waitFor(), await page.locator('.sign-in').isVisible())) {
      await page.screenshot({ path: join(directory, `sign-in-${scheme}-${width}.png`) });
      await page.getByLabel('User name').fill('admin');
      await page.getByLabel('Password').fill('correct horse');
      await page.keyboard.press('Enter');
      await page.locator('.bar').waitFor();
    }
    for (const [name, path] of pages) {
      if (only !== '' && !only.split(',').includes(name)) continue;
      await page.goto(`${standIn.url}${path}`);
      await page.waitForLoadState('load');
      await page.waitForTimeout(700);
      await page.screenshot({ path: join(directory, `${name}-${scheme}-${width}.png`) });
    }
  }
}
