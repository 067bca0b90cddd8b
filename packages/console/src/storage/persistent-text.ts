// Small texts that are made once and kept for ever, such as a secret or the Console's own name.
import { readFile } from 'node:fs/promises';
import { writeFileDurably } from './durable-file.ts';

/** The text in the file (without line end), made by `create` and kept with mode 0600 when there is none. */
export async function loadOrCreateText(path: string, create: () => string): Promise<string> {
  try {
    const kept = (await readFile(path, 'utf8')).trim();
    if (kept !== '') return kept;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const text = create();
  await writeFileDurably(path, `${text}\n`, 0o600);
  return text;
}
