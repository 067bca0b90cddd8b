// Reads the id of what a call made from the engine's answer.
// Invariant: reads only; an answer in any other shape has no id and passes unchanged.
import type { ResponseHead } from '@dockledger/rules';

const creating = new Set(['container_create', 'container_exec_create']);

/** The `Id` of a 201 answer that has arrived whole, else undefined. `bytes` begin with the answer's head. */
export function createdIdOf(api: string, answer: ResponseHead, bytes: Buffer): string | undefined {
  if (answer.status !== 201 || answer.framing !== 'length' || !creating.has(api)) return undefined;
  const end = answer.headBytes + answer.contentLength;
  if (bytes.length < end) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8', answer.headBytes, end));
    const id = typeof value === 'object' && value !== null && 'Id' in value ? value.Id : undefined;
    return typeof id === 'string' && /^[0-9a-f]{64}$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
