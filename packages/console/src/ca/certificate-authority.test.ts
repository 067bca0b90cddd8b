import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTempDir } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { openCertificateAuthority } from './certificate-authority.ts';

const run = promisify(execFile);
const dayMs = 86_400_000;
const names = ['127.0.0.1', '::1', 'localhost'];

describe('certificate authority', () => {
  it('signs a server certificate that openssl accepts for each of its names', async () => {
    await using dir = await createTempDir();
    const ca = await openCertificateAuthority(dir.path);
    const { cert } = await ca.serverCredentials(names);
    const certFile = join(dir.path, 'chain.pem');
    await writeFile(certFile, cert);
    for (const check of [
      ['-verify_ip', '127.0.0.1'],
      ['-verify_ip', '::1'],
      ['-verify_hostname', 'localhost'],
    ]) {
      const { stdout } = await run('openssl', [
        'verify',
        '-x509_strict',
        '-purpose',
        'sslserver',
        '-CAfile',
        ca.caFile,
        ...check,
        certFile,
      ]);
      expect(stdout).toContain('OK');
    }
  });

  it('keeps keys readable for the owner only, and the certificate for everybody', async () => {
    await using dir = await createTempDir();
    await (await openCertificateAuthority(dir.path)).serverCredentials(names);
    for (const file of ['ca-key.pem', 'server-key.pem']) {
      expect((await stat(join(dir.path, file))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(dir.path)).mode & 0o777).toBe(0o711);
    expect((await stat(join(dir.path, 'ca.pem'))).mode & 0o777).toBe(0o644);
  });

  it('uses the same authority and certificate again after a restart', async () => {
    await using dir = await createTempDir();
    const first = await (await openCertificateAuthority(dir.path)).serverCredentials(names);
    const second = await (await openCertificateAuthority(dir.path)).serverCredentials(names);
    expect(second.cert).toBe(first.cert);
  });

  it('makes a new server certificate when a name is missing or the old one expires within 30 days', async () => {
    await using dir = await createTempDir();
    const ca = await openCertificateAuthority(dir.path);
    const first = await ca.serverCredentials(names);
    const wider = await ca.serverCredentials([...names, 'console.example']);
    expect(wider.cert).not.toBe(first.cert);
    const later = await openCertificateAuthority(dir.path, () => Date.now() + 380 * dayMs);
    const renewed = await later.serverCredentials([...names, 'console.example']);
    expect(new X509Certificate(renewed.cert).validToDate.getTime()).toBeGreaterThan(Date.now() + 600 * dayMs);
    expect(await readFile(later.caFile, 'utf8')).toBe(ca.caPem);
  });
});
