// The Rules page's journeys in a real browser against a running Console: the effect of a change is known before it is in force.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anEvent } from '../../packages/console/src/testing/an-event.ts';
import { admin, startTestConsole, type TestConsole } from '../../packages/console/src/testing/test-console.ts';
import { browserMissing, openBrowser } from '../../packages/web/browser/open-browser.ts';

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

describe.skipIf(browserMissing !== undefined)('trying rules before they are in force', () => {
  let console: TestConsole;
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  let page: Page;

  beforeAll(async () => {
    console = await startTestConsole();
    browser = await openBrowser();
    page = await browser.context.newPage();
    const exec = { api: 'container_exec_create', target: { containerName: '/db', imageName: 'postgres:17' } };
    await console
      .defender()
      .send([
        anEvent({ seq: 1, time: minutesAgo(50), ...exec }),
        anEvent({ seq: 2, time: minutesAgo(40), ...exec, count: 4, actor: { user: 'robot' } }),
        anEvent({ seq: 3, time: minutesAgo(30), actor: { user: 'carol' } }),
      ]);
    await console.indexed();
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await console?.[Symbol.asyncDispose]();
  });
  const open = async (path: string) => {
    await page.goto(`${console.running.endpoints.console}${path}`);
    await page.locator('.bar, .sign-in').first().waitFor();
    if (!(await page.locator('.sign-in').isVisible())) return;
    await page.getByLabel('User name').fill(admin.username);
    await page.getByLabel('Password').fill(admin.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.bar').waitFor();
  };

  it('tells a pasted docker command call by call: allowed or refused, by which rule, and why', async () => {
    await open('/rules');
    await page.getByRole('button', { name: 'New rule', exact: true }).click();
    await page.getByLabel('Persons').fill('robot');
    await page.getByRole('button', { name: 'Test a command' }).click();
    const box = page.getByRole('region', { name: 'Test a command' });
    await box.getByLabel('Command').fill('docker exec -it db psql');
    await box.getByLabel('Person').fill('robot');
    await box.locator('.verdict.is-refused', { hasText: 'container_exec_create' }).waitFor();
    await box.locator('.verdict', { hasText: 'container_exec_start' }).getByText('allowed', { exact: true }).waitFor();
    await box.locator('.verdict.is-refused summary').click();
    await box.getByText('New rule decides').waitFor();
    await box.getByLabel('Person').fill('carol');
    await box.locator('.verdict.is-refused').waitFor({ state: 'detached' });
  });

  it('says what a rule would have done in the last 7 days while it is edited, and the whole change before it is saved', async () => {
    await open('/rules');
    await page.getByRole('button', { name: 'New rule', exact: true }).click();
    const reach = page.locator('.would-match');
    await reach.getByText('5 calls').waitFor();
    expect(await reach.innerText()).toMatch(/decided 5 calls, refused 5: robot 4, alice 1/);
    await page.getByLabel('Persons').fill('robot');
    await reach.getByText('4 calls').waitFor();
    await page.getByRole('button', { name: 'Review and save' }).click();
    const dialog = page.getByRole('dialog', { name: 'Changes to the rules' });
    await dialog.getByText('4 would be refused').waitFor();
    await dialog.getByRole('link', { name: 'robot' }).first().waitFor();
    await dialog.getByLabel('Note').fill('robots have no business in databases');
    await dialog.getByRole('button', { name: 'Save and put in force' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'History' }).click();
    await page.getByText('robots have no business in databases').waitFor();
  });

  it('says plainly that a change would have changed nothing', async () => {
    await open('/rules');
    await page.getByRole('button', { name: 'New rule', exact: true }).click();
    await page.getByLabel('Persons').fill('nobody');
    await page.locator('.would-match', { hasText: 'it would have decided nothing' }).waitFor();
    await page.getByRole('button', { name: 'Review and save' }).click();
    await page.getByText('would have been decided otherwise').waitFor();
  });
});
