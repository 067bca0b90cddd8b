// What the page shows when things go wrong, when much comes in, and on any screen: journeys against a Console whose failures
// the test switches on.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStandIn, type StandIn } from '../../packages/web/browser/api-stand-in.ts';
import { browserMissing, openBrowser } from '../../packages/web/browser/open-browser.ts';
import { anEvent, sampleEvents } from '../../packages/web/browser/sample-events.ts';
import { sampleDefenders, sampleRules } from '../../packages/web/browser/sample-state.ts';

const rowWith = (page: Page, text: string) => page.locator('tr.row', { hasText: text });

describe.skipIf(browserMissing !== undefined)('the page', () => {
  let standIn: StandIn;
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  let page: Page;

  beforeEach(async () => {
    standIn = await openStandIn(sampleEvents(400, Date.now() - 60_000));
    standIn.defenders = sampleDefenders(Date.now());
    standIn.rules = sampleRules();
    browser = await openBrowser();
    page = await browser.context.newPage();
    await page.goto(`${standIn.url}/events`);
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password').fill('correct horse');
    await page.keyboard.press('Enter');
    await page.locator('tr.row').first().waitFor();
    await page.getByRole('button', { name: 'Live' }).waitFor();
    await page.mouse.move(2, 2);
  });
  afterEach(async () => {
    await browser?.[Symbol.asyncDispose]();
    await standIn?.[Symbol.asyncDispose]();
  });

  it('keeps what it shows while the Console is away, says so, and goes on by itself when it is back', async () => {
    standIn.failWith = 0;
    standIn.cutLiveTails();
    await page.getByText('The Console does not answer. What is shown stays').waitFor();
    await page.getByRole('button', { name: 'Reconnecting' }).waitFor();
    expect(await page.locator('tr.row').count()).toBeGreaterThan(10);
    standIn.failWith = undefined;
    standIn.add(anEvent(5000, Date.now(), { actor: { user: 'returned' } }));
    await rowWith(page, 'returned').waitFor({ timeout: 15_000 });
    await page.getByText('The Console does not answer.').waitFor({ state: 'detached' });
  });

  it('fetches what it missed when the live stream broke in the middle of a message', async () => {
    standIn.cutLiveTails();
    standIn.add(anEvent(5001, Date.now(), { actor: { user: 'between' } }));
    await rowWith(page, 'between').waitFor();
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor();
    expect(await rowWith(page, 'between').count()).toBe(1);
  });

  it('names the request of a failure, and tries again', async () => {
    standIn.failWith = 500;
    await page.goto(`${standIn.url}/defenders`);
    await page.getByText('The Console could not answer.').waitFor();
    await page.getByText(/Request r-9/u).waitFor();
    standIn.failWith = undefined;
    await page.getByRole('heading', { name: 'Defenders' }).waitFor();
    await page.getByText('systemctl start docker').waitFor();
  });

  it('says that a role may not see something, without trying for ever', async () => {
    await page.getByRole('link', { name: 'Rules', exact: true }).waitFor();
    standIn.failWith = 403;
    await page.getByRole('link', { name: 'Rules', exact: true }).click();
    await page.getByText('Your role may not see this.').first().waitFor();
    expect(await page.getByRole('button', { name: 'Try now' }).count()).toBe(0);
  });

  it('holds new events back while the reader is down in the list, and shows them on demand', async () => {
    const box = page.locator('.table-box');
    await box.evaluate((element) => {
      element.scrollTop = 600;
    });
    await expect.poll(async () => box.evaluate((element) => element.scrollTop)).toBe(600);
    standIn.add(
      anEvent(5002, Date.now(), { actor: { user: 'patient' } }),
      anEvent(5003, Date.now(), { actor: { user: 'patient' } }),
    );
    await page.getByRole('button', { name: '2 new' }).click();
    await rowWith(page, 'patient').first().waitFor({ state: 'attached' });
    expect(
      await page
        .getByRole('button', { name: 'new', exact: false })
        .filter({ hasText: /^\s*\d+ new/u })
        .count(),
    ).toBe(0);
  });

  it('says which filter emptied the list, and drops it with one click', async () => {
    await page.goto(`${standIn.url}/events?user=nobody&user=nowhere`);
    await page.getByText('Nothing matches').waitFor();
    await page.getByRole('link', { name: 'Drop Who is nowhere' }).click();
    await page.waitForURL(/\/events\?user=nobody$/u);
  });

  it('folds repeats into one row that can be unfolded', async () => {
    const folded = rowWith(page, '×5').first();
    await folded.waitFor();
    const before = await page.locator('tr.row', { hasText: 'docker ps -q' }).count();
    await folded.locator('.unfold').click();
    await expect.poll(() => page.locator('tr.row', { hasText: 'docker ps -q' }).count()).toBeGreaterThan(before);
  });

  it('shows times in UTC or in the local zone, and keeps the choice', async () => {
    const time = page.locator('tr.row time').first();
    const utc = await time.innerText();
    await page.getByRole('button', { name: 'UTC' }).click();
    await page.getByRole('button', { name: 'Local' }).waitFor();
    expect((await time.innerText()).slice(-9)).toBe(utc.slice(-9));
    expect(await time.innerText()).not.toBe(utc);
    await page.reload();
    await page.getByRole('button', { name: 'Local' }).waitFor();
  });

  it('stays small in an endless live tail: thousands of new events, some dozens of rows drawn', async () => {
    for (let batch = 0; batch < 20; batch += 1) {
      const events = Array.from({ length: 200 }, (_, index) => {
        const seq = 10_000 + batch * 200 + index;
        return anEvent(seq, Date.now(), { actor: { user: `u${index % 9}` }, target: { containerName: `/c${seq}` } });
      });
      standIn.add(...events.toReversed());
    }
    await rowWith(page, '/c13999').waitFor();
    expect(await page.locator('tr.row').count()).toBeLessThan(120);
    const loaded = await page.locator('table.events').evaluate((table) => Math.round(table.clientHeight / 28));
    expect(loaded).toBeLessThan(3200);
  });

  it('fits every screen from 360 to 2560 px without scrolling sideways', async () => {
    for (const width of [360, 768, 1280, 2560]) {
      await page.setViewportSize({ width, height: 800 });
      for (const path of ['/', '/events', '/rules', '/defenders', '/evidence']) {
        await page.goto(`${standIn.url}${path}`);
        await page.locator('.bar').waitFor();
        await page.locator('tr.row, .rule, .defenders tr, .assurance').first().waitFor();
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        const inner = await page.locator('main').evaluate((main) => main.scrollWidth - main.clientWidth);
        expect([width, path, overflow, inner]).toEqual([width, path, 0, 0]);
      }
    }
  });

  it('has nothing that axe-core calls serious, on any page, light and dark', async () => {
    const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const event = standIn.events.find(({ api }) => api === 'container_create')?.id ?? '';
    const complaints: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const path of [
        '/',
        `/events?user=alice&event=${event}`,
        '/events?user=nobody',
        '/rules',
        '/defenders',
        '/evidence',
      ]) {
        await page.goto(`${standIn.url}${path}`);
        await page.locator('tr.row, .rule, .defenders tr, .assurance, .empty').first().waitFor();
        if (path === '/rules') await page.getByRole('button', { name: 'Edit pipelines build and push' }).click();
        await page.evaluate(source);
        const found = await page.evaluate<string[]>(
          `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html, any }) => html.slice(0, 160) + ' ' + (any[0]?.message ?? '')).join(' | ')))`,
        );
        complaints.push(...found.map((complaint) => `${colorScheme} ${path}: ${complaint}`));
      }
    }
    expect(complaints).toEqual([]);
  });

  it('gives every control a name and reaches it by the Tab key with a visible focus', async () => {
    for (const path of ['/', '/events', '/rules', '/defenders', '/evidence']) {
      await page.goto(`${standIn.url}${path}`);
      await page.locator('tr.row, .rule, .defenders tr, .assurance').first().waitFor();
      const nameless = await page
        .locator('button:visible, a:visible, input:visible, select:visible, textarea:visible')
        .evaluateAll((elements) =>
          elements
            .filter((element) => {
              const label = element.getAttribute('aria-label') ?? '';
              const labelled = 'labels' in element ? (element.labels as { length: number } | null)?.length : 0;
              return label === '' && (labelled ?? 0) === 0 && (element.textContent ?? '').trim() === '';
            })
            .map((element) => element.outerHTML.slice(0, 120)),
        );
      expect([path, nameless]).toEqual([path, []]);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
      expect([path, outline]).toEqual([path, 'solid']);
    }
  });
});
