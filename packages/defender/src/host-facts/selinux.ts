// Whether the host's SELinux enforces labels: a compliance check asks for them only where they do something.
import { readFile } from 'node:fs/promises';

/** True on a host with SELinux in enforcing mode. Never rejects. */
export async function isSELinuxEnforcing(): Promise<boolean> {
  const mode = await readFile('/sys/fs/selinux/enforce', 'utf8').catch(() => '0');
  return mode.trim() === '1';
}
