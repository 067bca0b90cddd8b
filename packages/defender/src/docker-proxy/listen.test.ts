import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createTempDir, startProcess, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { listenOnSocket } from './listen.ts';

const close = (server: { close(done: () => void): unknown }) =>
  new Promise<void>((resolve) => server.close(() => resolve()));

describe('listening on the guarded socket', () => {
  it('makes the file with exactly the mode and group it was given, whatever the umask', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'p.sock');
    const before = process.umask(0o077);
    try {
      const gid = process.getuid?.() === 0 ? 12 : (process.getgid?.() ?? 0);
      const server = await listenOnSocket({ path, mode: 0o664, gid }, () => {}, 10);
      expect(statSync(path).mode & 0o777).toBe(0o664);
      expect(statSync(path).gid).toBe(gid);
      expect(process.umask()).toBe(0o077);
      await close(server);
    } finally {
      process.umask(before);
    }
    expect(existsSync(path)).toBe(false);
  });

  it('replaces a socket that nobody listens on any more', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'p.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const killed = await startProcess(process.execPath, ['-e', script]);
    await until('it listens', () => killed.output().includes('up'));
    await killed.end('SIGKILL');
    expect(existsSync(path)).toBe(true);
    const server = await listenOnSocket({ path }, () => {}, 10);
    await close(server);
  });

  it('does not take over a socket that somebody listens on', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'p.sock');
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(path, resolve));
    await expect(listenOnSocket({ path }, () => {}, 10)).rejects.toMatchObject({ code: 'conflict' });
    expect(existsSync(path)).toBe(true);
    await close(other);
  });

  it('refuses to remove a file that is no socket', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'p.sock');
    writeFileSync(path, 'precious');
    await expect(listenOnSocket({ path }, () => {}, 10)).rejects.toMatchObject({ code: 'bad_setting' });
    expect(existsSync(path)).toBe(true);
  });

  it('refuses a path that Linux would cut, in a sentence', async () => {
    const path = `/tmp/${'x'.repeat(104)}`;
    await expect(listenOnSocket({ path }, () => {}, 10)).rejects.toThrow(/has 109 bytes; Linux takes at most 107/);
  });
});
