import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir, until } from '@dockledger/testkit';
import { describe, expect, it } from 'vitest';
import type { SourceRecord, SourceRecorder } from '../ports.ts';
import { followSource } from './follow-source.ts';
import { toHostLogRecord } from './host-log-record.ts';

/** A recorder whose every write can be taken as the last one before a crash. */
function createRecorder() {
  const writes: { readonly position: unknown; readonly texts: readonly string[] }[] = [];
  let position: unknown;
  let isFull = false;
  let refused = 0;
  const recorder: SourceRecorder = {
    position: () => position,
    record: (_, next, records: readonly SourceRecord[]) => {
      if (isFull) {
        refused += 1;
        return false;
      }
      position = next;
      if (records.length > 0)
        writes.push({ position: next, texts: records.map(({ draft }) => draft.raw ?? draft.decision.text) });
      return true;
    },
  };
  return {
    recorder,
    writes,
    refused: () => refused,
    texts: () => writes.flatMap(({ texts }) => texts),
    crashAfter: (write: number) => {
      position = writes[write]?.position;
      writes.length = write + 1;
    },
    setFull: (value: boolean) => {
      isFull = value;
    },
  };
}

const stamp = '2026-11-23T10:00:00.000000+00:00 web1';
const login = (n: number) => `${stamp} sshd[${n}]: Accepted password for u${n} from 203.0.113.7 port ${n} ssh2`;
const longSudo = `${stamp} sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/echo ${'x'.repeat(900)}`;
const continued = `${stamp} sudo:    alice : (command continued) yyy`;

function follow(path: string, recorder: SourceRecorder, holdMs = 300) {
  return followSource({
    source: { kind: 'file', name: 'log', path, startAt: 'beginning', isOwn: false },
    recorder,
    context: {},
    toRecord: (result) =>
      toHostLogRecord(result, {
        provenance: 'file',
        nowMs: Date.now(),
        userNameOf: () => undefined,
        session: undefined,
        isPeerUnchecked: true,
      }),
    onLines: () => {},
    onStopped: () => {},
    now: Date.now,
    holdMs,
  });
}

describe('following a source', () => {
  it('goes on behind the last recorded line, wherever a crash came', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'log');
    const all = Array.from({ length: 230 }, (_, n) => login(n + 1));
    await writeFile(path, `${all.join('\n')}\n`);
    const kept = createRecorder();
    {
      await using _follower = follow(path, kept.recorder);
      await until('all is recorded', () => kept.texts().length === all.length);
    }
    expect(kept.writes.length).toBeGreaterThan(2);
    kept.crashAfter(1);
    await using _follower = follow(path, kept.recorder);
    await until('the rest is recorded', () => kept.texts().length === all.length);
    expect(kept.texts()).toEqual(all);
  });

  it('records nothing behind a line that is held, so that no crash can lose it', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'log');
    await writeFile(path, `${login(1)}\n${longSudo}\n${login(2)}\n`);
    const kept = createRecorder();
    await using _follower = follow(path, kept.recorder, 1000);
    await until('all is recorded', () => kept.texts().length === 3, { withinMs: 20_000 });
    // One write holds the held line and the one behind it, whatever came before.
    const write = kept.writes.find(({ texts }) => texts.includes(longSudo));
    expect(write?.texts).toContain(login(2));
  });

  it('joins a line with what continues it', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'log');
    await writeFile(path, `${longSudo}\n${continued}\n${login(3)}\n`);
    const kept = createRecorder();
    await using _follower = follow(path, kept.recorder);
    await until('both are recorded', () => kept.texts().length === 2, { withinMs: 20_000 });
    expect(kept.texts()).toContain(`${longSudo}\n${continued}`);
  });

  it('waits with its lines while there is no room', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'log');
    await writeFile(path, '');
    const kept = createRecorder();
    kept.setFull(true);
    await using _follower = follow(path, kept.recorder);
    await appendFile(path, `${login(1)}\n`);
    await until('the line was refused', () => kept.refused() > 0);
    kept.setFull(false);
    await until('the line is recorded', () => kept.texts().length === 1, { withinMs: 20_000 });
  });
});
