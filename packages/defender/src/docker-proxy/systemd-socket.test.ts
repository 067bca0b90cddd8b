import { describe, expect, it } from 'vitest';
import { systemdSocket } from './systemd-socket.ts';

describe('sockets that systemd has passed', () => {
  const environment = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'dockledger-docker:dockledger-authz' };

  it('are found by their name', () => {
    expect(systemdSocket('s', 'dockledger-authz', environment, 7)).toBe(4);
  });

  it('are not taken when they are missing or another process was meant', () => {
    expect(() => systemdSocket('s', 'other', environment, 7)).toThrow('passed no socket of that name');
    expect(() => systemdSocket('s', 'dockledger-authz', environment, 8)).toThrow('passed no socket');
    expect(() => systemdSocket('s', 'dockledger-authz', {}, 7)).toThrow('passed no socket');
    expect(() => systemdSocket('s', 'dockledger-authz', { ...environment, LISTEN_FDS: '1' }, 7)).toThrow();
  });
});
