// Enrolling a host from the shell, as an administrator does it: token, enrol, list, rename, revoke.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir, run } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { admin, startTestConsole } from '../../packages/console/src/testing/test-console.ts';
import { certificatesOf } from '../../packages/defender/src/console-link/channel-identity.ts';

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');

describe('enrolment from the shell', () => {
  it('enrols a host with a one-time token, lists, renames and revokes it', async () => {
    await using host = await createTempDir();
    await using console = await startTestConsole();
    const { console: api, defenderChannel, caFile } = console.running.endpoints;
    const dockledger = async (...words: string[]) => {
      const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('DOCKLEDGER_'));
      return run(process.execPath, [main, ...words, '--json'], {
        env: {
          ...Object.fromEntries(environment),
          DOCKLEDGER_DATA_DIR: host.path,
          DOCKLEDGER_ADMIN_PASSWORD: admin.password,
        },
      });
    };
    const asked = ['--console', api, '--ca', caFile];
    const made = await dockledger('defender', 'token', ...asked, '--name', 'web one', '--labels', 'tier=web');
    expect(made.code, made.stderr).toBe(0);
    const { token } = JSON.parse(made.stdout) as { token: string };

    const enrolled = await dockledger('defender', 'enrol', '--console', defenderChannel, '--token', token);
    expect(enrolled.code, enrolled.stderr).toBe(0);
    const { defenderId } = JSON.parse(enrolled.stdout) as { defenderId: string };
    const file = join(host.path, 'defender/identity.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const identity = JSON.parse(await readFile(file, 'utf8')) as { ca: string; consoleUrl: string };
    expect([certificatesOf(identity.ca).length, identity.consoleUrl]).toEqual([1, defenderChannel]);

    const again = await dockledger('defender', 'enrol', '--console', defenderChannel, '--token', token);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('was used')]);

    const list = async () => {
      const listed = await dockledger('defender', 'list', ...asked);
      return (JSON.parse(listed.stdout) as { defenders: object[] }).defenders;
    };
    expect(await list()).toMatchObject([{ defenderId, name: 'web one', labels: { tier: 'web' }, isRevoked: false }]);
    expect((await dockledger('defender', 'rename', defenderId, 'database', ...asked)).code).toBe(0);
    expect((await dockledger('defender', 'revoke', defenderId, ...asked)).code).toBe(0);
    expect(await list()).toMatchObject([{ defenderId, name: 'database', isRevoked: true }]);
  });

  it('sends the token to no server but the one that made it', async () => {
    await using host = await createTempDir();
    await using console = await startTestConsole();
    await using other = await startTestConsole();
    const made = await console.api.send('/api/dockledger/v1/defenders/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const { token } = made.json<{ token: string }>();
    const url = other.running.endpoints.defenderChannel;
    const words = ['defender', 'enrol', '--data-dir', host.path, '--console', url, '--token', token];
    const refused = await run(process.execPath, [main, ...words]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('does not show the CA')]);
    const list = await console.api.send('/api/dockledger/v1/defenders');
    expect(list.json()).toEqual({ defenders: [] });
  });
});
