import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { startTestConsole } from '../testing/test-console.ts';

describe('the page', () => {
  it('is served with a strict policy, hashed files for ever, and its own addresses all lead to it', async () => {
    await using root = await createTempDir();
    await mkdir(join(root.path, 'assets'));
    await writeFile(join(root.path, 'index.html'), '<!doctype html><title>page</title>');
    await writeFile(join(root.path, 'assets/app-1a2b.js'), 'let page;');
    await using console = await startTestConsole({ webRoot: root.path });
    for (const path of ['/', '/events?user=alice', '/rules/7']) {
      const answer = await console.anonymous.send(path);
      expect([answer.status, answer.text, answer.headers['cache-control']]).toEqual([
        200,
        '<!doctype html><title>page</title>',
        'no-cache',
      ]);
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    }
    const asset = await console.anonymous.send('/assets/app-1a2b.js');
    expect(asset.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    const again = await console.anonymous.send('/assets/app-1a2b.js', {
      headers: { 'if-none-match': String(asset.headers['etag']) },
    });
    expect([again.status, again.text]).toEqual([304, '']);
    expect((await console.anonymous.send('/assets/gone.js')).status).toBe(404);
    expect((await console.anonymous.send('/', { method: 'POST' })).status).toBe(404);
  });

  it('says how to build it when it is not built', async () => {
    await using root = await createTempDir();
    await using console = await startTestConsole({ webRoot: root.path });
    const answer = await console.anonymous.send('/');
    expect([answer.status, answer.text]).toEqual([503, expect.stringContaining('not built yet')]);
  });
});
