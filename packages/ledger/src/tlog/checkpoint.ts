// The text of a C2SP checkpoint: origin, size and root of a log. One spelling each; signatures are the note's matter.
import { AppError } from '@dockledger/contract/error-code';
import { parseBase64, toBase64 } from './base64.ts';
import { hashSize } from './tree-hash.ts';

/** What a checkpoint says about a log. */
export interface Checkpoint {
  readonly origin: string;
  /** Number of entries. */
  readonly size: number;
  /** RFC 6962 root, 32 bytes. */
  readonly root: Uint8Array;
}

/** The text to sign; ends in a newline. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** Parses a note's text. Extension lines are accepted and dropped. Throws `bad_record`, naming the line. */
export function parseCheckpoint(text: string): Checkpoint {
  const fail = (reason: string): AppError => new AppError('bad_record', `The checkpoint is malformed: ${reason}.`);
  if (!text.endsWith('\n')) throw fail('it does not end in a newline');
  const [origin = '', sizeText = '', rootText = '', ...extensions] = text.slice(0, -1).split('\n');
  if (origin === '') throw fail('the origin is empty');
  const size = Number(sizeText);
  if (!/^(0|[1-9]\d*)$/.test(sizeText) || !Number.isSafeInteger(size)) {
    throw fail(`"${sizeText.slice(0, 40)}" is not a size`);
  }
  const root = parseBase64(rootText);
  if (root?.length !== hashSize) throw fail(`"${rootText.slice(0, 80)}" is not a root hash`);
  if (extensions.includes('')) throw fail('an extension line is empty');
  return { origin, size, root };
}
