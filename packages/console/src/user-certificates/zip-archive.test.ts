import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTempDir } from '@dockledger/testkit';
import { expect, it } from 'vitest';
import { packZip } from './zip-archive.ts';

it('packs archives that another program unpacks, with their permissions', async () => {
  await using dir = await createTempDir();
  const file = join(dir.path, 'a.zip');
  const entries = [
    { name: 'cert.pem', content: 'one\n', mode: 0o644 },
    { name: 'key.pem', content: 'zwei ü\n', mode: 0o600 },
  ];
  await writeFile(file, packZip(entries));
  const program =
    'import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nprint(z.testzip(), [(i.filename, oct(i.external_attr >> 16), z.read(i).decode()) for i in z.infolist()])';
  const { stdout } = await promisify(execFile)('python3', ['-c', program, file]);
  expect(stdout.trim()).toBe("None [('cert.pem', '0o100644', 'one\\n'), ('key.pem', '0o100600', 'zwei ü\\n')]");
});
