// Files, exports and dependencies that nothing uses are found by knip; none may stay.
import { join } from 'node:path';
import { run } from '@dockledger/testkit';
import { expect, it } from 'vitest';
import { root } from './sources.ts';

it('leaves no file, export or dependency that nothing uses', async () => {
  const found = await run(process.execPath, [join(root, 'node_modules/knip/bin/knip.js'), '--no-config-hints'], {
    cwd: root,
    timeoutMs: 120_000,
  });
  expect(found.stdout + found.stderr).toBe('');
  expect(found.code).toBe(0);
});
