import { connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { watchConnectedPeers } from './connected-peers.ts';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (local: string, remote: string, state: string, uid: number) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 1 1 0\n`;
const listener = row('00000000:0016', '00000000:0000', '0A', 0);

describe('the watch on who is connected', () => {
  const watch = (text: string | undefined, startedAt = 1_000_000) =>
    watchConnectedPeers({ read: () => text, now: () => startedAt, ended: undefined });

  it('knows a peer of a port that root listens on, by address and port', () => {
    const peers = watch(head + listener + row('0100007F:0016', '077100CB:1092', '01', 0));
    expect(peers.ask({ address: '203.0.113.7', port: 4242 }, null)).toBe('connected');
    expect(peers.ask({ address: '203.0.113.7', port: null }, null)).toBe('connected');
    expect(peers.ask({ address: '::ffff:203.0.113.7', port: 4242 }, null)).toBe('connected');
    expect(peers.ask({ address: '203.0.113.7', port: 4243 }, null)).toBe('not-connected');
    peers.close();
  });

  it('takes nothing from a connection that a user made to somewhere', () => {
    const peers = watch(head + listener + row('0100007F:9C40', '06060606:0016', '01', 1000));
    expect(peers.ask({ address: '6.6.6.6', port: 22 }, null)).toBe('not-connected');
    peers.close();
  });

  it('reads IPv6 and IPv4 within it', () => {
    const v6 = row('00000000000000000000000001000000:0016', 'B80D0120000000000000000007000000:1092', '01', 0);
    const mapped = row('0000000000000000FFFF00000100007F:0016', '0000000000000000FFFF0000087100CB:1093', '01', 0);
    const peers = watch(head + listener + v6 + mapped);
    expect(peers.ask({ address: '2001:db8::7', port: 4242 }, null)).toBe('connected');
    expect(peers.ask({ address: '203.0.113.8', port: 4243 }, null)).toBe('connected');
    peers.close();
  });

  it('says that it does not know where it cannot have looked', () => {
    const peers = watch(head + listener);
    expect(peers.ask({ address: '6.6.6.6', port: 22 }, 990_000)).toBe('not-known');
    expect(peers.ask({ address: '6.6.6.6', port: 22 }, 1_000_500)).toBe('not-connected');
    peers.close();
    const blind = watch(undefined);
    expect(blind.ask({ address: '6.6.6.6', port: 22 }, null)).toBe('not-known');
    blind.close();
  });

  it.skipIf(process.getuid?.() !== 0)('hears of connections that began and ended between two looks', async () => {
    const server = createServer((client) => client.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const peers = watchConnectedPeers({ everyMs: 3_600_000 });
    const client = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
    client.resume();
    await new Promise((resolve) => client.once('connect', resolve));
    const peer = { address: '127.0.0.9', port: client.localPort ?? 0 };
    const closed = new Promise((resolve) => client.once('close', resolve));
    await closed;
    await new Promise((resolve) => server.close(resolve));
    peers.look();
    expect(peers.ask(peer, null)).toBe('connected');
    peers.close();
  });
});
