// What is set wrong stops the start with one clear sentence and exit code 2; nothing is left half-started.

import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createTempDir, run } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const dockledger = (words: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  run(process.execPath, [main, ...words], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...environment },
    timeoutMs: 30_000,
  });

const oneSentence = (text: string) => {
  expect(text.trim()).not.toBe('');
  expect(text).not.toMatch(/\n\s+at |node:internal|Error:/);
};

describe('a setting that is wrong', () => {
  it.each([
    ['an unknown option', ['up', '--colour', 'red'], {}, /--colour/],
    ['an unknown variable', ['config'], { DOCKLEDGER_COLOUR: 'red' }, /DOCKLEDGER_COLOUR/],
    ['a number that is none', ['config', '--merge-window-ms', 'soon'], {}, /mergeWindowMs.*"soon"/],
    ['an option without its value', ['config', '--engine'], {}, /--engine/],
    ['an unknown command', ['fly'], {}, /"fly"/],
    [
      'a listen address without a port',
      ['console', '--console-listen', 'localhost', '--event-store', 'memory'],
      {},
      /consoleListen.*localhost/,
    ],
    [
      'an engine that is no unix socket',
      ['defender', '--engine', 'tcp://1.2.3.4:2375'],
      {},
      /engine.*tcp:\/\/1\.2\.3\.4/,
    ],
  ])('%s is named and ends with 2', async (_, words, environment, pattern) => {
    await using dir = await createTempDir();
    const ended = await dockledger(words, { DOCKLEDGER_DATA_DIR: dir.path, ...environment });
    expect(ended.stderr).toMatch(pattern);
    expect(ended.code).toBe(2);
    oneSentence(ended.stderr);
  });

  it('in the file is named with the file', async () => {
    await using dir = await createTempDir();
    const file = join(dir.path, 'dockledger.yaml');
    await writeFile(file, 'brand: "[X]"\ncolour: red\n');
    const ended = await dockledger(['config', '--config', file]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('"colour"');
    expect(ended.stderr).toContain(file);
  });

  it('is overruled in the order flag, environment, file, default', async () => {
    await using dir = await createTempDir();
    const file = join(dir.path, 'd.yaml');
    await writeFile(file, 'cluster: from-file\nbrand: "[file]"\nmergeWindowMs: 77\n');
    const ended = await dockledger(['config', '--json', '--config', file, '--cluster=from-flag'], {
      DOCKLEDGER_CLUSTER: 'from-env',
      DOCKLEDGER_BRAND: '[env]',
    });
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      cluster: { value: 'from-flag', origin: '--cluster' },
      brand: { value: '[env]', origin: 'DOCKLEDGER_BRAND' },
      mergeWindowMs: { value: 77, origin: file },
      spoolFull: { value: 'refuse-writes', origin: 'default' },
    });
  });

  it('never prints an enrolment token', async () => {
    const ended = await dockledger(['config'], { DOCKLEDGER_ENROL_TOKEN: 'hunter2' });
    expect(ended.code).toBe(0);
    expect(ended.stdout + ended.stderr).not.toContain('hunter2');
  });

  it('never prints the password', async () => {
    const ended = await dockledger(['config'], { DOCKLEDGER_ADMIN_PASSWORD: 'hunter2' });
    expect(ended.stdout + ended.stderr).not.toContain('hunter2');
  });
});

describe('a machine that is not as it should be', () => {
  it('has a data directory that cannot be written', async () => {
    await using dir = await createTempDir();
    await writeFile(join(dir.path, 'file'), '');
    const ended = await dockledger(['up'], { DOCKLEDGER_DATA_DIR: join(dir.path, 'file/data') });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(join(dir.path, 'file/data'));
    oneSentence(ended.stderr);
  });

  it('has a data directory whose socket path would be too long', async () => {
    await using dir = await createTempDir();
    const deep = join(dir.path, 'x'.repeat(90));
    await mkdir(deep);
    const ended = await dockledger(['defender'], { DOCKLEDGER_DATA_DIR: deep });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/107/);
    oneSentence(ended.stderr);
  });

  it('has a busy port', async () => {
    await using dir = await createTempDir();
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as { port: number };
    const ended = await dockledger(['up'], {
      DOCKLEDGER_DATA_DIR: dir.path,
      DOCKLEDGER_CONSOLE_LISTEN: `127.0.0.1:${port}`,
      DOCKLEDGER_DEFENDER_CHANNEL_LISTEN: '127.0.0.1:0',
    });
    busy.close();
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain(String(port));
    oneSentence(ended.stderr);
    await expect(readFile(join(dir.path, 'endpoints.json'))).rejects.toThrow();
  });

  it('runs nothing, which status says with exit code 3', async () => {
    await using dir = await createTempDir();
    const ended = await dockledger(['status', '--json'], { DOCKLEDGER_DATA_DIR: dir.path });
    expect(ended.code).toBe(3);
    expect(JSON.parse(ended.stdout)).toMatchObject({ ready: false, endpoints: null });
  });
});
