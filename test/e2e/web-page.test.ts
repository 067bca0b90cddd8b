// The page's journeys in a real browser against a running Console: what a reader sees, narrows, follows and changes.
import type { AccessRule } from '@dockledger/contract';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anEvent } from '../../packages/console/src/testing/an-event.ts';
import { admin, startTestConsole, type TestConsole } from '../../packages/console/src/testing/test-console.ts';
import { browserMissing, openBrowser } from '../../packages/web/browser/open-browser.ts';
import { hostileEvent } from '../../packages/web/browser/sample-events.ts';

/** The times of the events lie minutes back, so that the default range of 24 hours holds them. */
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('User name').fill(admin.username);
  await page.getByLabel('Password').fill(admin.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.bar').waitFor();
}

const rowWith = (page: Page, text: string) => page.locator('tr.row', { hasText: text });

describe.skipIf(browserMissing !== undefined)('the page of a running Console', () => {
  let console: TestConsole;
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  let page: Page;
  let seq = 0;
  const next = () => {
    seq += 1;
    return seq;
  };

  beforeAll(async () => {
    console = await startTestConsole({}, { dockerProxy: () => 'unix:///run/test/docker.sock' });
    browser = await openBrowser();
    page = await browser.context.newPage();
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await console?.[Symbol.asyncDispose]();
  });
  const open = async (path: string) => {
    await page.goto(`${console.running.endpoints.console}${path}`);
    await page.locator('.bar, .sign-in').first().waitFor();
    if (await page.locator('.sign-in').isVisible()) await signIn(page);
  };

  it('says plainly that a password is wrong, and lets the right one in', async () => {
    await page.goto(console.running.endpoints.console);
    await page.getByLabel('User name').fill(admin.username);
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Name or password is wrong.').waitFor();
    await signIn(page);
  });

  it('explains the first step while there is no event, and turns into the list by itself when the first comes', async () => {
    await open('/events');
    await page.getByText('DOCKER_HOST=unix:///run/test/docker.sock docker ps').waitFor();
    await console
      .defender()
      .send([
        anEvent({ seq: next(), time: minutesAgo(3), target: { containerName: '/first', imageName: 'alpine:3.20' } }),
      ]);
    await rowWith(page, '/first').waitFor();
    expect(await page.getByText('DOCKER_HOST=').count()).toBe(0);
  });

  it('shows a new event within two seconds of its arrival, with person, action, container, image, result, rule and host', async () => {
    await open('/events');
    await rowWith(page, '/first').waitFor();
    const arrived = Date.now();
    await console.defender().send([
      anEvent({
        seq: next(),
        time: minutesAgo(1),
        api: 'container_create',
        actor: { user: 'mallory', effectiveUser: 'root' },
        target: { containerName: '/shell', imageName: 'busybox:1.36' },
        decision: { effect: 'deny', rule: 'no-create', text: '[Dockledger] The command container_create denied' },
        outcome: { state: 'refused', status: 403 },
      }),
    ]);
    const row = rowWith(page, 'mallory');
    await row.waitFor();
    expect(Date.now() - arrived).toBeLessThan(2000);
    const text = await row.innerText();
    for (const part of [
      'mallory',
      'root',
      'create container',
      '/shell',
      'busybox:1.36',
      'refused',
      'no-create',
      'web-1',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('narrows by a click on a value, says so in chips and address, and gives the same view to whoever gets the link', async () => {
    await open('/events');
    await rowWith(page, 'mallory').getByRole('link', { name: 'mallory' }).click();
    await page.locator('.chip', { hasText: 'mallory' }).waitFor();
    await rowWith(page, '/first').waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe('?user=mallory');
    await page.reload();
    await rowWith(page, 'mallory').waitFor();
    expect(await page.locator('tr.row').count()).toBe(1);
    await page.getByRole('button', { name: 'Drop Who is mallory' }).click();
    await rowWith(page, '/first').waitFor();
  });

  it('searches by field and by text, with completion and exclusion', async () => {
    await open('/events');
    await page.keyboard.press('/');
    await page.keyboard.type('user:mal');
    await page.getByRole('option', { name: 'mallory' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('.chip', { hasText: 'mallory' }).waitFor();
    await page.getByRole('button', { name: 'Drop Who is mallory' }).click();
    await page.getByLabel('Search events').fill('-user:mallory first');
    await page.keyboard.press('Enter');
    await rowWith(page, '/first').waitFor();
    await rowWith(page, 'mallory').waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe('?not.user=mallory&text=first');
  });

  it('tells one event in a sentence, with all fields, and has an address of its own', async () => {
    await open('/events?user=mallory');
    await page.locator('tr.row .open').first().click();
    const detail = page.getByRole('complementary', { name: 'Event' });
    await detail
      .getByText(
        'mallory, as root through sudo, was refused to create a container named shell from busybox:1.36 on web-1, by rule no-create.',
      )
      .waitFor();
    await detail.getByText('container_create', { exact: true }).waitFor();
    const id = new URL(page.url()).searchParams.get('event');
    await open(`/events?last=all&event=${id}`);
    await detail.getByText('was refused to create a container').waitFor();
    await page.keyboard.press('Escape');
    await detail.waitFor({ state: 'detached' });
  });

  it('proves in the browser that an event stands in the signed ledger, and says so when it does not', async () => {
    await open('/events?user=mallory');
    await page.locator('tr.row .open').first().click();
    await page.getByText(/Proven: entry \d+ of the ledger signed at \d+/u).waitFor({ timeout: 10_000 });
    await page.route('**/evidence', async (route) => {
      const answer = await route.fetch();
      const evidence = (await answer.json()) as { payload: string };
      const payload = Buffer.from(evidence.payload, 'base64').toString().replace('mallory', 'nobody1');
      await route.fulfill({ json: { ...evidence, payload: Buffer.from(payload).toString('base64') } });
    });
    await page.reload();
    await page.getByText('Not proven: its content does not match the digest in the ledger.').waitFor();
    await page.unroute('**/evidence');
    await page.route('**/ledger/checkpoint', async (route) => {
      const answer = await route.fetch();
      const text = await answer.text();
      await route.fulfill({ body: text.replace(/\n(\d+)\n/u, (_, size) => `\n${Number(size) + 1}\n`) });
    });
    await page.reload();
    await page.getByText(/Not proven: The signature of .* is not valid/u).waitFor();
    await page.unroute('**/ledger/checkpoint');
  });

  it('shows hostile fields whole and harmless under the policy that forbids inline script', async () => {
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    const { ledgerIndex: _, receivedAt: __, collections: ___, ...event } = hostileEvent(1, Date.now() - 30_000);
    await console.defender('d-web-3').send([event]);
    await open(`/events?event=${event.id}`);
    const detail = page.getByRole('complementary', { name: 'Event' });
    await detail.getByText('evil\\u202egnp.exe').waitFor();
    const text = await detail.innerText();
    expect(text).toContain('n'.repeat(10_000));
    expect(text).toContain('docker run \\e[31mred\\u0007 \\0 end');
    expect(text).toContain('</td><script>document.title="owned"</script>');
    expect(await page.title()).toBe('Events · Dockledger');
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
    page.removeAllListeners('console');
  });

  it('moves and acts by keyboard alone', async () => {
    await open('/events');
    await page.locator('tr.row').first().waitFor();
    const active = page.locator('tr.is-active');
    // The keys listen a moment after the rows are drawn.
    await expect
      .poll(async () => {
        await page.keyboard.press('j');
        return active.count();
      })
      .toBe(1);
    await page.keyboard.press('j');
    const id = await active.getAttribute('data-id');
    await page.keyboard.press('Enter');
    await page.locator('.detail').waitFor();
    expect(new URL(page.url()).searchParams.get('event')).toBe(id);
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys and search' });
    await help.waitFor();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    await page.keyboard.press('l');
    await page.getByRole('button', { name: 'Paused' }).waitFor();
    expect(new URL(page.url()).search).toBe('?live=off');
  });

  it('zooms into the bars that the pointer was dragged over', async () => {
    await open('/events?last=1h');
    const over = page.locator('.histogram .u-over');
    await over.waitFor();
    const box = await over.boundingBox();
    if (box === null) throw new Error('The chart has no size.');
    await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 2, box.y + 20, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/from=.*&to=/u);
    await page.locator('tr.row').first().waitFor();
    const params = new URL(page.url()).searchParams;
    const length = Date.parse(params.get('to') ?? '') - Date.parse(params.get('from') ?? '');
    expect(length / 60_000).toBeGreaterThan(25);
    expect(length / 60_000).toBeLessThan(35);
  });

  it('takes all matches out as CSV, not only what is loaded', async () => {
    const defender = console.defender('host-2');
    await defender.send(
      Array.from({ length: 650 }, (_, index) =>
        anEvent({
          defenderId: 'host-2',
          seq: index + 1,
          time: minutesAgo(10),
          actor: { user: 'robot' },
          api: 'container_inspect',
          target: { containerName: `/job-${index}` },
        }),
      ),
    );
    await console.indexed();
    await open('/events?user=robot');
    await page.getByText('650 events').waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export' }).click();
    await page.getByRole('button', { name: 'CSV for a spreadsheet' }).click();
    const stream = await (await download).createReadStream();
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    const lines = text.trimEnd().split('\r\n');
    expect(lines).toHaveLength(651);
    expect(lines[1]).toContain('robot');
  });

  it('reaches the oldest event by scrolling and says how many there are', async () => {
    await open('/events?user=robot&last=all');
    const box = page.locator('.table-box');
    await page.getByText('650 events').waitFor();
    await expect
      .poll(
        async () => {
          await box.evaluate((element) => {
            element.scrollTop = element.scrollHeight;
          });
          return page.getByText('No older events in this range.').isVisible();
        },
        { timeout: 10_000 },
      )
      .toBe(true);
    expect(await page.locator('tr.row').count()).toBeLessThan(120);
  });

  it('signs in again over the page without losing the filter when the session ends', async () => {
    await open('/events?user=robot');
    await page.locator('tr.row').first().waitFor();
    await page.context().clearCookies();
    await page.getByRole('link', { name: '/first' }).or(page.locator('.facet-value').first()).first().click();
    const dialog = page.getByRole('dialog', { name: 'Sign in again' });
    await dialog.waitFor();
    expect(await dialog.getByLabel('User name').inputValue()).toBe(admin.username);
    await dialog.getByLabel('Password').fill(admin.password);
    await dialog.getByRole('button', { name: 'Sign in' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator('tr.row').first().waitFor();
    expect(new URL(page.url()).searchParams.get('user')).toBe('robot');
  });

  it('changes the rules: edit in place, diff, save, and the new order is in force', async () => {
    await open('/rules');
    await page.getByRole('button', { name: 'New rule' }).click();
    await page.getByLabel('Name', { exact: true }).fill('no exec for robots');
    await page.getByLabel('Persons').fill('robot');
    await page.getByText('it would have decided nothing').waitFor();
    await page.getByLabel('Actions').first().fill('container_inspect');
    await page.getByText('650 calls').waitFor();
    await page.getByRole('button', { name: 'Review and save' }).click();
    const dialog = page.getByRole('dialog', { name: 'Changes to the rules' });
    await dialog.getByText('no exec for robots').first().waitFor();
    await dialog.getByRole('button', { name: 'Save and put in force' }).click();
    await page.getByText('Version 2 is in force.').waitFor();
    const { accessRules } = (await console.api.send('/api/dockledger/v1/rules')).json<{ accessRules: AccessRule[] }>();
    expect(accessRules.map(({ name }) => name)).toEqual(['no exec for robots', 'Default - allow all']);
    expect(accessRules[0]).toMatchObject({ effect: 'deny', principal: ['robot'], action: ['container_inspect'] });
  });

  it('never overwrites rules that somebody else saved in the meantime', async () => {
    await open('/rules');
    await page.getByRole('button', { name: 'Edit no exec for robots' }).click();
    await page.getByLabel('Notes').fill('mine');
    const theirs = [{ name: 'Default - allow all', effect: 'allow' }];
    await console.api.send('/api/dockledger/v1/rules', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ accessRules: theirs }),
    });
    await page.getByRole('button', { name: 'Review and save' }).click();
    await page.getByRole('button', { name: 'Save and put in force' }).click();
    await page.getByText('Somebody else saved the rules after you opened them.').waitFor();
    await page.getByRole('button', { name: 'Compare with theirs' }).click();
    const dialog = page.getByRole('dialog', { name: 'Changes to the rules' });
    await dialog.getByText('New', { exact: true }).waitFor();
    const { accessRules } = (await console.api.send('/api/dockledger/v1/rules')).json<{ accessRules: AccessRule[] }>();
    expect(accessRules.map(({ name }) => name)).toEqual(['Default - allow all']);
  });

  it('shows who changed the rules and takes an older version back as a draft', async () => {
    await open('/rules');
    await page.getByRole('button', { name: 'History' }).click();
    const history = page.getByRole('region', { name: 'History' });
    await history.getByText('Version 2', { exact: true }).waitFor();
    await history.locator('li', { hasText: 'Version 2' }).getByRole('button', { name: 'Take as draft' }).click();
    await page.getByText('no exec for robots').first().waitFor();
    await page.getByText('One change, not in force yet.').waitFor();
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.getByText('not in force yet').waitFor({ state: 'detached' });
  });

  it('tells how a person came to a call: ssh, sudo, then Docker', async () => {
    const session = { sessionId: '77' };
    await console.defender('host-3').send([
      anEvent({
        defenderId: 'host-3',
        seq: 1,
        time: minutesAgo(9),
        type: 'sshd',
        api: 'login',
        actor: { user: 'eve', sourceIP: '10.0.0.9', ...session },
      }),
      anEvent({
        defenderId: 'host-3',
        seq: 2,
        time: minutesAgo(8),
        type: 'sudo',
        api: '/usr/bin/docker ps',
        actor: { user: 'eve', ...session },
      }),
      anEvent({ defenderId: 'host-3', seq: 3, time: minutesAgo(7), actor: { user: 'eve', ...session } }),
    ]);
    await console.indexed();
    await open('/events?user=eve&type=docker');
    await page.locator('tr.row .open').first().click();
    const steps = page.locator('.chain li');
    await steps.nth(2).waitFor();
    const texts = await steps.allInnerTexts();
    expect(texts.map((text) => text.replace(/^[\d:]+ /u, ''))).toEqual([
      'ssh login from 10.0.0.9',
      'sudo /usr/bin/docker ps',
      'list containers',
    ]);
  });

  it('leads from each figure of the overview to the events behind it', async () => {
    await open('/');
    await page.getByText('Newest events').waitFor();
    await page.locator('.figure', { hasText: 'refused' }).click();
    await page.waitForURL(/\/events\?allow=false$/u);
    await rowWith(page, 'mallory').waitFor();
    expect(await page.locator('tr.row').count()).toBe(1);
  });

  it('computes the sentence of the evidence page from the ledger', async () => {
    await open('/evidence');
    await page.getByText(/[\d\s]+ records in the ledger .* 656 calls on hosts; no gap is declared/u).waitFor();
  });
});
