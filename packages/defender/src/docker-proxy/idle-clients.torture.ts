import { spawn } from 'node:child_process';
import { until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { startScriptedEngine } from './testing/scripted-engine.ts';
import { connectRaw, get, startProxy } from './testing/start-proxy.ts';

const clients = `
const { connect } = require('node:net');
let open = 0;
const next = () => {
  const socket = connect(process.argv[1], () => { if (++open === 10000) console.log('all'); else if (open + 50 <= 10000) next(); });
  socket.on('error', (error) => { console.error(error.message); process.exit(1); });
};
for (let n = 0; n < 50; n++) next();
setTimeout(() => {}, 60000);
`;

describe('docker proxy under ten thousand idle clients', () => {
  it('holds no engine connection for them, little memory, and still answers', async () => {
    await using engine = await startScriptedEngine();
    await using proxy = await startProxy(engine.socketPath);
    const before = process.memoryUsage().rss;
    const child = spawn(process.execPath, ['-e', clients, proxy.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await until('10,000 clients are connected', () => proxy.proxy.stats().clients >= 10_000, { withinMs: 60_000 });
      expect(proxy.pool.stats()).toMatchObject({ opened: 0, inUse: 0, idle: 0 });
      expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1024 * 1024);
      using client = await connectRaw(proxy.path);
      client.send(get('/_ping'));
      await client.receives('OK');
      expect(proxy.pool.stats().opened).toBe(1);
    } finally {
      child.kill('SIGKILL');
    }
    await until('all are gone', () => proxy.proxy.stats().clients <= 1, { withinMs: 30_000 });
  });
});
