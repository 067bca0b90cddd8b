// How readers arrange the Events page, in a real browser against a running Console: saved views, columns, wrapping, narrow screens.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anEvent } from '../../packages/console/src/testing/an-event.ts';
import { admin, startTestConsole, type TestConsole } from '../../packages/console/src/testing/test-console.ts';
import { browserMissing, openBrowser } from '../../packages/web/browser/open-browser.ts';

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
const headers = { 'content-type': 'application/json' };

describe.skipIf(browserMissing !== undefined)('arranging the Events page', () => {
  let console: TestConsole;
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  let page: Page;

  beforeAll(async () => {
    console = await startTestConsole();
    browser = await openBrowser();
    page = await browser.context.newPage();
    await console
      .defender()
      .send([
        anEvent({ seq: 1, time: minutesAgo(50), target: { containerName: '/db', imageName: 'postgres:17' } }),
        anEvent({ seq: 2, time: minutesAgo(40), actor: { user: 'robot' }, target: { imageName: 'alpine:3.20' } }),
      ]);
    await console.indexed();
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await console?.[Symbol.asyncDispose]();
  });
  const open = async (path: string, who = admin, on = page) => {
    await on.goto(`${console.running.endpoints.console}${path}`);
    await on.locator('.bar, .sign-in').first().waitFor();
    if (!(await on.locator('.sign-in').isVisible())) return;
    await on.getByLabel('User name').fill(who.username);
    await on.getByLabel('Password').fill(who.password);
    await on.getByRole('button', { name: 'Sign in' }).click();
    await on.locator('.bar').waitFor();
  };
  const row = (text: string) => page.locator('tr.row', { hasText: text });

  it('keeps a view under a name, opens it again, and shares it with others', async () => {
    await open('/events?user=robot&last=7d');
    await row('robot').waitFor();
    await page.getByRole('button', { name: 'Saved views' }).click();
    await page.getByLabel('Save this view as').fill('Robots');
    await page.getByLabel('Share with everybody').check();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('link', { name: 'Robots shared' }).waitFor();
    await open('/events');
    await row('/db').waitFor();
    await page.getByRole('button', { name: 'Saved views' }).click();
    await page.getByRole('link', { name: 'Robots shared' }).click();
    await row('/db').waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe('?user=robot&last=7d');
  });

  it('orders and resizes columns by keyboard, and keeps that over a reload', async () => {
    await open('/events');
    await row('robot').waitFor();
    const names = () => page.locator('.events th').allInnerTexts();
    expect((await names()).slice(0, 3)).toEqual(['Time', 'Who', 'What']);
    await page.getByRole('button', { name: 'Columns and rows' }).click();
    await page.getByRole('button', { name: 'Move Who right' }).click();
    await page.keyboard.press('Escape');
    expect((await names()).slice(0, 3)).toEqual(['Time', 'What', 'Who']);
    const widthOfWho = async () => (await page.locator('th.col-who').boundingBox())?.width ?? 0;
    const before = await widthOfWho();
    await page.getByRole('separator', { name: 'Width of Who' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await widthOfWho()).toBeCloseTo(before + 32, -1);
    await page.reload();
    await row('robot').waitFor();
    expect((await names()).slice(0, 3)).toEqual(['Time', 'What', 'Who']);
    expect(await widthOfWho()).toBeCloseTo(before + 32, -1);
    await page.getByRole('button', { name: 'Columns and rows' }).click();
    await page.getByRole('button', { name: 'Standard order and widths' }).click();
    expect((await names()).slice(0, 3)).toEqual(['Time', 'Who', 'What']);
  });

  it('wraps long text into rows of three lines when asked to', async () => {
    await open('/events');
    await row('robot').waitFor();
    await page.getByRole('button', { name: 'Columns and rows' }).click();
    await page.getByLabel('Wrap long text').check();
    await expect.poll(async () => (await row('robot').boundingBox())?.height).toBe(64);
    await page.getByLabel('Wrap long text').uncheck();
    await expect.poll(async () => (await row('robot').boundingBox())?.height).toBe(28);
  });

  it('offers the facets as a sheet where there is no room for a column', async () => {
    await page.setViewportSize({ width: 380, height: 800 });
    await open('/events');
    await row('robot').waitFor();
    const facets = page.getByRole('complementary', { name: 'Facets' });
    expect(await facets.isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await facets.getByRole('link', { name: /^robot/ }).click();
    await page.getByRole('button', { name: 'Show the events' }).click();
    await row('/db').waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe('?user=robot');
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it('shows a reader who is limited to a collection only the events in it, also in counts, facets and shared views', async () => {
    const send = (path: string, body: unknown) =>
      console.api.send(path, { method: 'POST', headers, body: JSON.stringify(body) });
    expect((await send('/api/v1/collections', { name: 'databases', images: ['postgres*'] })).status).toBe(200);
    const eve = { username: 'eve', password: 'a long passphrase of hers' };
    const permissions = [{ project: 'Central Console', collections: ['databases'] }];
    expect((await send('/api/v1/users', { ...eve, role: 'auditor', permissions })).status).toBe(200);
    await console
      .defender()
      .send([
        anEvent({ seq: 3, time: minutesAgo(2), target: { containerName: '/seen', imageName: 'postgres:17' } }),
        anEvent({ seq: 4, time: minutesAgo(1), target: { containerName: '/unseen', imageName: 'nginx:1' } }),
      ]);
    await console.indexed();
    await using theirs = await openBrowser();
    const other = await theirs.context.newPage();
    await open('/events', eve, other);
    await other.locator('tr.row', { hasText: '/seen' }).waitFor();
    await other.locator('.totals', { hasText: '1 event' }).waitFor();
    expect(await other.locator('tr.row').count()).toBe(1);
    expect(await other.getByText('/unseen').count()).toBe(0);
    expect(await other.getByText('nginx').count()).toBe(0);
    await other.getByRole('button', { name: 'Saved views' }).click();
    await other.getByRole('link', { name: 'Robots by admin' }).click();
    await other.getByText('Nothing matches').waitFor();
  });
});
