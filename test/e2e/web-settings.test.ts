// Users, collections and compliance rules on the page, in a real browser against a running Console.
import type { ComplianceRule } from '@dockledger/contract';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, startTestConsole, type TestConsole } from '../../packages/console/src/testing/test-console.ts';
import { findSeriousFaults } from '../../packages/web/browser/find-serious-faults.ts';
import { browserMissing, openBrowser } from '../../packages/web/browser/open-browser.ts';

const headers = { 'content-type': 'application/json' };
const passphrase = 'A long passphrase, 4 her';

describe.skipIf(browserMissing !== undefined)('settings and compliance on the page', () => {
  let console: TestConsole;
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  let page: Page;

  beforeAll(async () => {
    console = await startTestConsole();
    browser = await openBrowser();
    page = await browser.context.newPage();
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

  it('makes a collection, changes it, and says why one in use is not removed', async () => {
    await open('/settings/collections');
    await page.getByRole('button', { name: 'New collection' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('databases');
    await dialog.getByLabel('Images').fill('postgres*, mysql*');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('postgres*, mysql*').waitFor();
    await page.getByRole('button', { name: 'Edit databases' }).click();
    await dialog.getByLabel('Description').fill('What keeps our data');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('What keeps our data').waitFor();
  });

  it('makes a user limited to a collection, who can then sign in and may not manage users', async () => {
    await open('/settings');
    await page.getByRole('button', { name: 'New user' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('eve');
    await dialog.getByLabel('Role').selectOption('auditor');
    await dialog.getByLabel('Password').fill(passphrase);
    await dialog.getByLabel('databases').check();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('row', { name: /eve Auditor databases/ }).waitFor();
    await using theirs = await openBrowser();
    const other = await theirs.context.newPage();
    await open('/settings', { username: 'eve', password: passphrase }, other);
    await other.getByText('may not do this').waitFor();
  });

  it('refuses to remove the last administrator and says so, and removes another user only when asked twice', async () => {
    await open('/settings');
    const row = (name: string) => page.getByRole('row', { name: new RegExp(`^${name}`) });
    await row('admin').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('button', { name: 'Remove admin?' }).click();
    await page.getByText('is the last administrator').waitFor();
    await row('eve').getByRole('button', { name: 'Remove' }).click();
    await row('eve').getByRole('button', { name: 'Remove eve?' }).click();
    await row('eve').waitFor({ state: 'detached' });
  });

  it('explains each compliance check and puts a rule in force with a note', async () => {
    await open('/rules/compliance');
    await page.getByText('No container is checked yet').waitFor();
    await page.getByRole('button', { name: 'New rule' }).click();
    await page.getByLabel('Search checks').fill('privileged');
    const check = page.getByRole('radiogroup', { name: /^5\.4 / });
    await check.getByRole('radio', { name: 'Refuse' }).check();
    await page.getByLabel('Name', { exact: true }).fill('no privileged containers');
    await page.getByRole('textbox', { name: 'Note' }).fill('after the incident');
    await page.getByRole('button', { name: 'Save and put in force' }).click();
    await page.getByText(/1 refuse, \d+ alert/).waitFor();
    await page.locator('.save-bar').waitFor({ state: 'detached' });
    const { complianceRules } = (await console.api.send('/api/dockledger/v1/compliance-rules', { headers })).json<{
      complianceRules: ComplianceRule[];
    }>();
    expect(complianceRules[0]?.condition.vulnerabilities).toContainEqual({ id: 54, block: true });
  });

  it('gives the one line that enrols a host, with a token that the Console takes', async () => {
    await open('/defenders');
    await page.getByRole('button', { name: 'Enrol a host' }).click();
    const dialog = page.getByRole('dialog', { name: 'Enrol a host' });
    await dialog.getByLabel('Name').fill('web-7');
    await dialog.getByRole('button', { name: 'Make the line to paste' }).click();
    const line = await dialog.locator('.paste-line code').innerText();
    const { console: address } = console.running.endpoints;
    expect(line).toMatch(/^sudo dockledger defender enrol --console https:\/\/\S+ --token [\w.:-]+$/);
    expect(line).toContain(` --console ${address} `);
    await dialog.getByText('It is not shown again').waitFor();
  });

  it('has nothing that keeps people with a screen reader or a keyboard out', async () => {
    for (const path of ['/settings', '/settings/collections', '/rules/compliance', '/rules']) {
      await open(path);
      await page.locator('table, .rule-list').first().waitFor();
      if (path === '/rules') {
        await page.getByRole('button', { name: 'Test a command' }).click();
        await page.getByRole('button', { name: /^Edit / }).click();
        await page.locator('.would-match b, .would-match').first().waitFor();
      }
      expect(await findSeriousFaults(page), path).toEqual([]);
    }
  });
});
