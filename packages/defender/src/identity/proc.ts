// What /proc says of one process, parsed without trusting any of it: a process chooses its own name and arguments.
// Pure parsing beside one reader; the root of /proc is a parameter so that recorded trees can be tested.
import { readFileSync, readlinkSync } from 'node:fs';

/** Facts of one process. Fields that could not be read are undefined. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parentPid: number;
  /** Clock ticks since boot; with the pid it names a process uniquely within a boot. */
  readonly startTicks: string;
  readonly comm: string;
  readonly realUid: number | undefined;
  readonly effectiveUid: number | undefined;
  readonly exe: string | undefined;
  readonly argv: readonly string[];
  /** Undefined when unset (4294967295). */
  readonly loginUid: number | undefined;
  /** Undefined when unset (4294967295). */
  readonly auditSession: number | undefined;
  /** 64 hex digits when a cgroup of the process is a container's. */
  readonly containerId: string | undefined;
  /** `pid:[4026531836]`. */
  readonly pidNamespace: string | undefined;
}

const unset = 4_294_967_295;

/** Longest command line that is read, in bytes; the rest is cut. */
const commandLineLimit = 16_384;

/** Parses /proc/PID/stat. The name in brackets may hold anything, brackets and spaces too. */
export function parseStat(stat: string): { comm: string; parentPid: number; startTicks: string } | undefined {
  const open = stat.indexOf('(');
  const close = stat.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = stat.slice(close + 2).split(' ');
  const parentPid = Number(fields[1]);
  const startTicks = fields[19];
  if (!Number.isInteger(parentPid) || startTicks === undefined) return undefined;
  return { comm: stat.slice(open + 1, close), parentPid, startTicks };
}

/** Parses the `Uid:` line of /proc/PID/status. */
export function parseUids(status: string): { real: number; effective: number } | undefined {
  const found = /^Uid:\t(\d+)\t(\d+)\t/m.exec(status);
  return found === null ? undefined : { real: Number(found[1]), effective: Number(found[2]) };
}

/**
 * The container's id in /proc/PID/cgroup, of cgroup v1 and v2, of Docker, containerd, CRI-O, Podman and Kubernetes.
 * The innermost id counts: an engine inside a container nests them.
 */
export function parseContainerId(cgroup: string): string | undefined {
  for (const line of cgroup.split('\n')) {
    const path = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
    const ids = [...path.matchAll(/(?:^|[/:-])([0-9a-f]{64})(?=$|[/.])/g)];
    const innermost = ids.at(-1)?.[1];
    if (innermost !== undefined) return innermost;
  }
  return undefined;
}

/** Splits /proc/PID/cmdline at its NULs. */
export function parseCommandLine(bytes: Buffer): readonly string[] {
  const words = bytes.subarray(0, commandLineLimit).toString('utf8').split('\0');
  if (words.at(-1) === '') words.pop();
  return words;
}

function parseId(text: string | undefined): number | undefined {
  const id = text === undefined ? Number.NaN : Number(text.trim());
  return Number.isInteger(id) && id >= 0 && id !== unset ? id : undefined;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // The process has ended, or its owner hides it: what cannot be read is left out.
    return undefined;
  }
}

/** Reads one process. Undefined when it has ended. `root` defaults to /proc. */
export function readProcess(pid: number, root = '/proc'): ProcessFacts | undefined {
  const dir = `${root}/${pid}`;
  const text = (name: string) => attempt(() => readFileSync(`${dir}/${name}`, 'utf8'));
  const stat = parseStat(text('stat') ?? '');
  if (stat === undefined) return undefined;
  const uids = parseUids(text('status') ?? '');
  return {
    pid,
    ...stat,
    realUid: uids?.real,
    effectiveUid: uids?.effective,
    exe: attempt(() => readlinkSync(`${dir}/exe`)),
    argv: parseCommandLine(attempt(() => readFileSync(`${dir}/cmdline`)) ?? Buffer.alloc(0)),
    loginUid: parseId(text('loginuid')),
    auditSession: parseId(text('sessionid')),
    containerId: parseContainerId(text('cgroup') ?? ''),
    pidNamespace: attempt(() => readlinkSync(`${dir}/ns/pid`)),
  };
}

/** The ancestors of a process, nearest first, up to pid 1; at most 64. Only what walking needs is read. */
export function* ancestorsOf(process: { readonly parentPid: number }, root = '/proc'): Generator<AncestorFacts> {
  let pid = process.parentPid;
  for (let depth = 0; depth < 64 && pid > 0; depth++) {
    const parent = pid;
    const stat = parseStat(attempt(() => readFileSync(`${root}/${parent}/stat`, 'utf8')) ?? '');
    if (stat === undefined) return;
    const uids = parseUids(attempt(() => readFileSync(`${root}/${parent}/status`, 'utf8')) ?? '');
    yield { pid, ...stat, realUid: uids?.real, effectiveUid: uids?.effective };
    pid = stat.parentPid;
  }
}

/** The few facts that are read of an ancestor. */
export type AncestorFacts = Pick<
  ProcessFacts,
  'pid' | 'parentPid' | 'startTicks' | 'comm' | 'realUid' | 'effectiveUid'
>;
