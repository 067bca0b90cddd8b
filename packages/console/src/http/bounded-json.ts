// Parses request bodies that may come from anybody: bounded nesting, no prototype keys, a sentence when it is not JSON.
import { AppError } from '@dockledger/contract/error-code';

/** How deep arrays and objects may nest. */
export const deepestNesting = 64;

/** Parses JSON. Undefined for an empty text. Throws `bad_request`; the text itself never enters the message. */
export function parseBoundedJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  if (nestingOf(text) > deepestNesting) {
    throw new AppError('bad_request', `The body nests deeper than ${deepestNesting} levels.`);
  }
  try {
    return JSON.parse(text, (key, value: unknown) => {
      if (key === '__proto__') throw new AppError('bad_request', 'The body holds a key named __proto__.');
      return value;
    });
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('bad_request', 'The body is not valid JSON.', { cause: error });
  }
}

/** The deepest nesting of brackets outside of strings. Does not judge whether the text is JSON. */
export function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}
