// What is said of the host on every event, read once at start.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { arch, release, hostname as systemHostname } from 'node:os';
import type { Host } from '@dockledger/contract';

const readLine = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then(
    (text) => text.trim() || undefined,
    () => undefined,
  );

/** The full name of the host by /etc/hosts, as `hostname --fqdn` finds it without asking the network. Empty when there is none. */
async function findFqdn(hostname: string): Promise<string> {
  if (hostname.includes('.')) return hostname;
  const hosts = await readFile('/etc/hosts', 'utf8').catch(() => '');
  for (const line of hosts.split('\n')) {
    const names = (line.split('#')[0] ?? '').trim().split(/\s+/).slice(1);
    const full = names.find((name) => name.startsWith(`${hostname}.`));
    if (names.includes(hostname) && full !== undefined) return full;
  }
  return '';
}

/** Reads the host's facts. What cannot be read is left out or empty. */
export async function loadHostFacts(settings: { hostname: string; cluster: string; accountId: string }): Promise<Host> {
  const hostname = settings.hostname === '' ? systemHostname() : settings.hostname;
  const [fqdn, machineId, bootId] = await Promise.all([
    findFqdn(hostname),
    readLine('/etc/machine-id'),
    readLine('/proc/sys/kernel/random/boot_id'),
  ]);
  return {
    hostname,
    fqdn,
    cluster: settings.cluster,
    accountID: settings.accountId,
    ...(machineId !== undefined && { machineId }),
    ...(bootId !== undefined && { bootId }),
  };
}

/** What the Console is told of this host beyond every event: labels, operating system, kernel. Own labels go before those of the token. */
export function loadFacts(
  labels: readonly string[],
  tokenLabels: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const own = Object.fromEntries(labels.map((label) => [label.split('=', 1)[0], label.slice(label.indexOf('=') + 1)]));
  return { labels: { ...tokenLabels, ...own }, os: readOsName(), kernel: release(), architecture: arch() };
}

function readOsName(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}
