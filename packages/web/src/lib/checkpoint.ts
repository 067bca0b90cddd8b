// Reads the text of a signed checkpoint (C2SP tlog-checkpoint) for showing. It checks the form, not the signature.

/** A checkpoint's parts. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** Base64 of the root hash. */
  readonly rootHash: string;
  /** Names of the keys that signed it. */
  readonly signers: readonly string[];
}

/** The parts, or undefined for anything that is no checkpoint. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [body = '', signatures = ''] = text.split('\n\n', 2);
  const [origin, size, rootHash] = body.split('\n');
  if (origin === undefined || origin === '' || rootHash === undefined || !/^\d{1,15}$/u.test(size ?? ''))
    return undefined;
  if (!/^[A-Za-z0-9+/]{43}=$/u.test(rootHash)) return undefined;
  const signers = [...signatures.matchAll(/^— (\S+) \S+$/gmu)].map((match) => match[1] ?? '');
  return { origin, size: Number(size), rootHash, signers };
}
