// C2SP cosignature/v1: what a witness signs over somebody else's checkpoint, and the form of that signature. Pure.

const timeBytes = 8;
const ed25519Bytes = 64;

/** The message under a cosignature made at `time` (whole seconds since 1970): a header and the whole text of the note. */
export function toCosignedMessage(time: number, text: Uint8Array): Uint8Array {
  const header = new TextEncoder().encode(`cosignature/v1\ntime ${time}\n`);
  const message = new Uint8Array(header.length + text.length);
  message.set(header);
  message.set(text, header.length);
  return message;
}

/** What stands behind the key id in a cosignature's line: time and Ed25519 signature. */
export function encodeCosignature(time: number, signature: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(timeBytes + ed25519Bytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(time));
  bytes.set(signature, timeBytes);
  return bytes;
}

/** Takes apart what {@link encodeCosignature} made; undefined for another length or a time beyond 2^53. */
export function parseCosignature(bytes: Uint8Array): { time: number; signature: Uint8Array } | undefined {
  if (bytes.length !== timeBytes + ed25519Bytes) return undefined;
  const time = Number(new DataView(bytes.buffer, bytes.byteOffset, timeBytes).getBigUint64(0));
  return Number.isSafeInteger(time) ? { time, signature: bytes.slice(timeBytes) } : undefined;
}
