import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { createSessionFinder } from './session-finder.ts';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly comm: string;
  readonly uid: number;
  readonly cmdline?: string;
  readonly audit?: number;
  readonly tty?: number;
}

async function writeProc(root: string, processes: readonly Process[]): Promise<void> {
  for (const { pid, parent, comm, uid, cmdline = comm, audit, tty = 0 } of processes) {
    const dir = join(root, String(pid));
    await mkdir(dir, { recursive: true });
    const rest = Array.from({ length: 14 }, () => '0').join(' ');
    await writeFile(join(dir, 'stat'), `${pid} (${comm}) S ${parent} 1 1 ${tty} ${rest} ${pid * 10} 0\n`);
    await writeFile(join(dir, 'status'), `Name:\t${comm}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
    await writeFile(join(dir, 'cmdline'), cmdline);
    await writeFile(join(dir, 'sessionid'), String(audit ?? 4_294_967_295));
  }
}

const listener: Process = { pid: 10, parent: 1, comm: 'sshd', uid: 0, cmdline: 'sshd: /usr/sbin/sshd -D [listener] 0' };
const serving: Process = { pid: 20, parent: 10, comm: 'sshd', uid: 0, cmdline: 'sshd: alice [priv]', audit: 5 };
const child: Process = { pid: 21, parent: 20, comm: 'sshd', uid: 1000, cmdline: 'sshd: alice@pts/3', audit: 5 };
const shell: Process = { pid: 22, parent: 21, comm: 'sh', uid: 1000, audit: 5, tty: (136 << 8) | 3 };
const sudo: Process = { pid: 23, parent: 22, comm: 'sudo', uid: 0, audit: 5, tty: (136 << 8) | 3 };

describe('the login of a process', () => {
  it('is the root-owned sshd that serves it, for its shell, its sudo and for itself', async () => {
    await using dir = await createTempDir();
    await writeProc(dir.path, [listener, serving, child, shell, sudo]);
    const finder = createSessionFinder({ procRoot: dir.path });
    for (const pid of [20, 21, 22, 23]) expect(finder.ofProcess(pid)).toEqual({ sessionId: 'sshd-20-200', by: 'sshd' });
    expect(finder.ofProcess(10)).toBeUndefined();
    expect(finder.ofProcess(99)).toBeUndefined();
  });

  it('is not an sshd that a user started, whatever it calls itself', async () => {
    await using dir = await createTempDir();
    const own: Process = { pid: 30, parent: 1, comm: 'sshd', uid: 1000, cmdline: 'sshd: root [priv]' };
    await writeProc(dir.path, [own, { pid: 31, parent: 30, comm: 'sh', uid: 1000 }]);
    expect(createSessionFinder({ procRoot: dir.path }).ofProcess(31)).toBeUndefined();
  });

  it('is still known by the audit session once its sshd has ended', async () => {
    await using dir = await createTempDir();
    const tmux: Process = { pid: 40, parent: 1, comm: 'tmux', uid: 1000, audit: 5 };
    const cron: Process = { pid: 41, parent: 1, comm: 'cron', uid: 1000, audit: 6 };
    await writeProc(dir.path, [listener, serving, child, tmux, cron]);
    const finder = createSessionFinder({ procRoot: dir.path });
    expect(finder.ofProcess(40)).toEqual({ sessionId: 'sshd-20-200', by: 'audit' });
    expect(finder.ofAuditSession('5')).toBe('sshd-20-200');
    expect(finder.ofProcess(41)).toEqual({ sessionId: 'audit-6', by: 'audit' });
  });

  it("is found by the user's terminal", async () => {
    await using dir = await createTempDir();
    await writeProc(dir.path, [listener, serving, child, shell]);
    const userNameOf = (uid: number) => (uid === 1000 ? 'alice' : undefined);
    const finder = createSessionFinder({ procRoot: dir.path, userNameOf });
    expect(finder.ofUser('alice', 'pts/3')).toEqual(['sshd-20-200']);
    expect(finder.ofUser('alice', 'pts/4')).toEqual([]);
    expect(finder.ofUser('bob', 'pts/3')).toEqual([]);
  });
});
