import {
  createNoteVerifier,
  nodeTreeHasher,
  parseCheckpoint,
  parseNote,
  verifyConsistency,
  verifyInclusion,
  verifyNote,
} from '@dockledger/ledger';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { basic, startTestConsole, type TestConsole } from '../testing/test-console.ts';

const native = '/api/dockledger/v1';
const many = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, offset) => anEvent({ seq: from + offset }));
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

async function openCheckpoint(console: TestConsole, note: string) {
  const keys = (await console.api.send(`${native}/ledger/keys`)).json<{ vkeys: string[] }>().vkeys;
  const parsed = parseNote(Buffer.from(note));
  await verifyNote(parsed, keys.map(createNoteVerifier));
  return parseCheckpoint(parsed.text);
}

describe('proofs of the ledger', () => {
  it('proves an event that was just accepted against the signed checkpoint, and that the next checkpoint extends it', async () => {
    await using console = await startTestConsole();
    await console.defender().send(many(1, 300));
    await console.indexed();
    const first = (await console.api.send(`${native}/events/host-1.1.300/inclusion-proof`)).json<{
      ledgerIndex: number;
      size: number;
      envelope: string;
      proof: string[];
      checkpoint: string;
    }>();
    const { size, root } = await openCheckpoint(console, first.checkpoint);
    const claim = { leafHash: nodeTreeHasher.leaf(bytesOf(first.envelope)), index: first.ledgerIndex, size, root };
    expect(first.size).toBe(size);
    expect(verifyInclusion(nodeTreeHasher, claim, first.proof.map(bytesOf))).toBe(true);
    expect(verifyInclusion(nodeTreeHasher, { ...claim, index: claim.index - 1 }, first.proof.map(bytesOf))).toBe(false);

    await console.defender().send(many(301, 310));
    await console.indexed();
    await console.api.send(`${native}/events/host-1.1.310/inclusion-proof`);
    const proved = (await console.api.send(`${native}/ledger/consistency-proof?from=${size}`)).json<{
      proof: string[];
      checkpoint: string;
    }>();
    const newer = await openCheckpoint(console, proved.checkpoint);
    expect(newer.size).toBeGreaterThan(size);
    expect(verifyConsistency(nodeTreeHasher, { size, root }, newer, proved.proof.map(bytesOf))).toBe(true);
    expect((await console.api.send(`${native}/ledger/consistency-proof?from=99999999`)).status).toBe(400);
  });

  it('signs with a new key beside the old one until the old one is retired', async () => {
    await using console = await startTestConsole();
    await console.defender().send(many(1, 3));
    const rotated = (await console.api.send(`${native}/ledger/rotate-key`, { method: 'POST' })).json<{
      vkeys: string[];
    }>();
    expect(rotated.vkeys).toHaveLength(2);
    const signatures = async () =>
      parseNote(Buffer.from((await console.api.send('/ledger/checkpoint')).text)).signatures.length;
    expect(await signatures()).toBe(2);
    expect((await console.api.send(`${native}/ledger/retire-old-keys`, { method: 'POST' })).status).toBe(200);
    expect(await signatures()).toBe(1);
  });

  it('shows checkpoints and hashes to whoever is signed in, entries and the comparison only to readers without limits', async () => {
    await using console = await startTestConsole();
    await console.defender().send(many(1, 300));
    await console.indexed();
    await console.api.send(`${native}/events/host-1.1.300/inclusion-proof`);
    const password = 'correct horse battery staple';
    const body = JSON.stringify({ username: 'limited', password, role: 'devOps' });
    const made = await console.api.send('/api/v1/users', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(made.status).toBe(200);
    const statusOf = async (path: string, headers?: Readonly<Record<string, string>>) =>
      (await (headers ? console.anonymous.send(path, { headers }) : console.api.send(path))).status;
    const entries = ['/ledger/tile/entries/000', `${native}/ledger/store-agreement`];
    const hashes = ['/ledger/checkpoint', '/ledger/tile/0/000', `${native}/ledger/consistency-proof?from=1`];
    for (const path of [...entries, ...hashes]) {
      expect(await statusOf(path), path).toBe(200);
      expect((await console.anonymous.send(path)).status, path).toBe(401);
    }
    for (const path of hashes) expect(await statusOf(path, basic('limited', password)), path).toBe(200);
    for (const path of entries) expect(await statusOf(path, basic('limited', password)), path).toBe(403);
    const rotate = { method: 'POST', headers: basic('limited', password) };
    expect((await console.anonymous.send(`${native}/ledger/rotate-key`, rotate)).status).toBe(403);
  });

  it('finds that the event store agrees, also after an erasure', async () => {
    await using console = await startTestConsole();
    await console.defender().send(many(1, 40));
    await console.indexed();
    await console.api.send('/api/v1/audits/access/host-1.1.7', { method: 'DELETE' });
    await console.indexed();
    const agreement = (await console.api.send(`${native}/ledger/store-agreement`)).json<{
      to: number;
      ledgerSize: number;
    }>();
    expect(agreement).toMatchObject({ from: 0, differences: [] });
    expect(agreement.to).toBe(agreement.ledgerSize);
  });
});
