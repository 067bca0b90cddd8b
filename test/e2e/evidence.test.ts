// What docs/operations/evidence.md tells an auditor to do works as it stands there, on a real ledger, without our code.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir, run, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../../packages/console/src/testing/an-event.ts';
import { startTestConsole } from '../../packages/console/src/testing/test-console.ts';

const tools = ['openssl', 'jq', 'xxd'];
const missing = (await Promise.all(tools.map((tool) => run('sh', ['-c', `command -v ${tool}`])))).flatMap(
  ({ code }, position) => (code === 0 ? [] : [tools[position]]),
);

describe.skipIf(missing.length > 0)(`checking an event with ${tools.join(', ')} alone`, () => {
  it('proves real events, and nothing that was changed', async () => {
    const page = await readFile(join(import.meta.dirname, '../../docs/operations/evidence.md'), 'utf8');
    const script = /```sh check-event\.sh\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    await using dir = await createTempDir('dl-evidence-');
    await using console = await startTestConsole();
    const events = Array.from({ length: 300 }, (_, index) =>
      anEvent({ seq: index + 1, actor: { user: `user-${index}` } }),
    );
    await console.defender().send(events);
    await console.indexed();
    await until('the checkpoint covers them', async () => {
      const [, size] = (await console.api.send('/ledger/checkpoint')).text.split('\n');
      return Number(size) >= 300;
    });
    const at = (name: string) => join(dir.path, name);
    await writeFile(at('check-event.sh'), script);
    await writeFile(at('vkey'), await readFile(join(console.dataDir, 'ledger/vkey')));
    const check = () => run('sh', ['check-event.sh', 'vkey'], { cwd: dir.path });
    const fetchBoth = async (seq: number) => {
      for (const [name, path] of [
        ['evidence.json', 'evidence'],
        ['proof.json', 'inclusion-proof'],
      ] as const) {
        await writeFile(at(name), (await console.api.send(`/api/dockledger/v1/events/host-1.1.${seq}/${path}`)).text);
      }
    };
    for (const seq of [1, 256, 257, 300]) {
      await fetchBoth(seq);
      const { code, stdout, stderr } = await check();
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toContain('PROVED: entry');
      expect(stdout).toContain(`"user":"user-${seq - 1}"`);
    }
    const change = async (name: string, edit: (text: string) => string) => {
      const before = await readFile(at(name), 'utf8');
      await writeFile(at(name), edit(before));
      const { code, stdout } = await check();
      await writeFile(at(name), before);
      expect([name, code]).toEqual([name, 1]);
      return stdout;
    };
    const edited = await change('evidence.json', (text) => {
      const evidence = JSON.parse(text) as { payload: string };
      const payload = Buffer.from(evidence.payload, 'base64').toString().replace('user-299', 'user-007');
      return JSON.stringify({ ...evidence, payload: Buffer.from(payload).toString('base64') });
    });
    expect(edited).toContain('the payload is not the one that was recorded');
    const moved = await change('proof.json', (text) => text.replace(/"ledgerIndex":\d+/, '"ledgerIndex":5'));
    expect(moved).toContain('NOT PROVED');
    const resized = await change('proof.json', (text) => text.replace(/(checkpoint":"[^"]*?\\n)\d+/, '$1301'));
    expect(resized).toContain('NOT PROVED');
    expect(await change('vkey', () => 'other+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n')).toContain(
      'your key did not sign',
    );
  });
});
