import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openJournal } from './journal.ts';
import { readJournalFiles } from './read-journal-files.ts';

async function read(directory: string): Promise<[number, string][]> {
  const found: [number, string][] = [];
  for await (const { index, record } of readJournalFiles(directory))
    found.push([index, Buffer.from(record).toString()]);
  return found;
}

describe('reading the files of a journal that is open elsewhere', () => {
  it('gives every record over all segments while the owner goes on, and changes nothing', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dl-journal-'));
    const journal = await openJournal(directory, { maxSegmentBytes: 200 });
    const all = Array.from({ length: 40 }, (_, index) => [index, `record ${index}`] as [number, string]);
    for (const [, text] of all.slice(0, 30)) journal.append(Buffer.from(text));
    expect(await read(directory)).toEqual(all.slice(0, 30));
    for (const [, text] of all.slice(30)) journal.append(Buffer.from(text));
    expect(await read(directory)).toEqual(all);
    await journal.close();
    await rm(directory, { recursive: true });
  });

  it('passes over a damaged record and gives the ones behind it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dl-journal-'));
    const journal = await openJournal(directory);
    for (let index = 0; index < 5; index++) journal.append(Buffer.from(`record ${index}`));
    await journal.close();
    const file = join(directory, (await readdir(directory)).find((name) => name.endsWith('.segment')) ?? '');
    const bytes = await readFile(file);
    const at = bytes.indexOf('record 2');
    bytes[at + 7] = 0x58;
    await writeFile(file, bytes);
    expect((await read(directory)).map(([index]) => index)).toEqual([0, 1, 3, 4]);
    await rm(directory, { recursive: true });
  });

  it('gives nothing for a directory that does not exist', async () => {
    expect(await read(join(tmpdir(), 'dl-journal-that-is-not-there'))).toEqual([]);
  });
});
