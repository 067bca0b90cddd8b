// What the page costs a reader: bundle, first rows after navigation, filter to new rows, scrolling 10,000 rows, memory of the tab.
// Run: npx node bench/web.bench.ts [events]. Needs the built page and a Chromium; prints a table and one line of JSON.
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { gzipSync } from 'node:zlib';
import { anEvent } from '../packages/console/src/testing/an-event.ts';
import { admin, startTestConsole } from '../packages/console/src/testing/test-console.ts';
import { browserMissing, openBrowser } from '../packages/web/browser/open-browser.ts';

const total = Number(process.argv[2] ?? 20_000);
const batchSize = 500;
const navigations = 10;
const clicks = 30;

const quantile = (values: readonly number[], share: number) =>
  Math.round(values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0);

function bundleBytes(): number {
  const assets = new URL('../packages/web/dist/assets/', import.meta.url);
  return readdirSync(assets).reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, assets))).length, 0);
}

if (browserMissing !== undefined) throw new Error(`The page cannot be measured: ${browserMissing}.`);
await using console_ = await startTestConsole();
const defender = console_.defender();
const nowMs = Date.now();
for (let first = 1; first <= total; first += batchSize) {
  const events = Array.from({ length: Math.min(batchSize, total - first + 1) }, (_, index) => {
    const seq = first + index;
    return anEvent({
      seq,
      time: new Date(nowMs - (total - seq) * 1000).toISOString(),
      api: seq % 3 === 0 ? 'container_logs' : 'container_inspect',
      actor: { user: `user-${seq % 40}` },
      target: { containerName: `/app-${seq % 200}`, imageName: `shop:${seq % 7}` },
      decision: { effect: seq % 50 === 0 ? 'deny' : 'allow' },
    });
  });
  const answer = await defender.send(events);
  if (answer.status !== 200) throw new Error(`The Console answered ${answer.status}: ${answer.text.slice(0, 200)}`);
}
await console_.indexed();

await using browser = await openBrowser();
const page = await browser.context.newPage();
await page.goto(`${console_.running.endpoints.console}/events?last=all`);
await page.getByLabel('User name').fill(admin.username);
await page.getByLabel('Password').fill(admin.password);
await page.keyboard.press('Enter');
await page.locator('tr.row').first().waitFor();

const firstRows: number[] = [];
for (let count = 0; count < navigations; count += 1) {
  const started = performance.now();
  await page.goto(`${console_.running.endpoints.console}/events?last=all`);
  await page.locator('tr.row').first().waitFor();
  firstRows.push(performance.now() - started);
}

// Measured in the page: from the click to the frame that shows only rows of the person clicked.
const filtered: number[] = await page.evaluate(`(async () => {
  const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const times = [];
  for (let count = 0; count < ${clicks}; count += 1) {
    const link = document.querySelectorAll('tr.row td.col-who a')[count % 20];
    const name = link.textContent;
    const started = performance.now();
    link.click();
    for (;;) {
      await nextFrame();
      const names = [...document.querySelectorAll('tr.row td.col-who a')].map((other) => other.textContent);
      if (names.length > 0 && names.every((other) => other === name)) break;
    }
    times.push(performance.now() - started);
    history.back();
    for (;;) {
      await nextFrame();
      const names = new Set([...document.querySelectorAll('tr.row td.col-who a')].map((other) => other.textContent));
      if (names.size > 5) break;
    }
  }
  return times;
})()`);

const scrolled: { readonly longest: number; readonly over: number; readonly rows: number; readonly ms: number } =
  await page.evaluate(`(async () => {
  const tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)));
  observer.observe({ type: 'longtask' });
  const box = document.querySelector('.table-box');
  const started = performance.now();
  while (box.scrollTop < 10000 * 28 && performance.now() - started < 60000) {
    box.scrollTop += 700;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  const ms = performance.now() - started;
  await new Promise((resolve) => setTimeout(resolve, 100));
  observer.disconnect();
  return { longest: Math.max(0, ...tasks), over: tasks.filter((task) => task > 100).length, rows: Math.round(box.scrollTop / 28), ms };
})()`);
const heapBytes: number = await page.evaluate('performance.memory?.usedJSHeapSize ?? 0');

const result = {
  events: total,
  bundleGzipBytes: bundleBytes(),
  firstRowsP50Ms: quantile(firstRows, 0.5),
  firstRowsP95Ms: quantile(firstRows, 0.95),
  filterP50Ms: quantile(filtered, 0.5),
  filterP95Ms: quantile(filtered, 0.95),
  scrolledRows: scrolled.rows,
  scrollMs: Math.round(scrolled.ms),
  longestTaskMs: Math.round(scrolled.longest),
  tasksOver100Ms: scrolled.over,
  heapMegabytes: Math.round(heapBytes / 1e6),
};
for (const [name, value] of Object.entries(result)) process.stdout.write(`${name.padEnd(18)} ${value}\n`);
process.stdout.write(`${JSON.stringify(result)}\n`);
