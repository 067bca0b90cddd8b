import { chmod } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createTempDir } from '@dockledger/testkit';
import { expect, it } from 'vitest';
import { startSelfCheck } from './self-check.ts';

it('tells each door once when it opens and once when it closes', async () => {
  await using dir = await createTempDir('dlc-');
  await chmod(dir.path, 0o711);
  const path = join(dir.path, 'docker.sock');
  const server = createServer();
  await new Promise<void>((done) => server.listen(path, done));
  await chmod(path, 0o666);
  const told: string[] = [];
  const check = startSelfCheck({
    enginePath: path,
    procRoot: join(dir.path, 'no-proc'),
    askInfo: async () => undefined,
    onOpen: ({ name }) => told.push(`open ${name}`),
    onClosed: ({ name }) => told.push(`closed ${name}`),
    onFailure: (error) => told.push(error.message),
  });
  await check.look();
  await check.look();
  expect(told).toEqual(['open unguarded-engine-socket']);
  await chmod(path, 0o600);
  await check.look();
  expect(told).toEqual(['open unguarded-engine-socket', 'closed unguarded-engine-socket']);
  await check.close();
  await new Promise((done) => server.close(done));
});
