// RFC 6962 hashing over an injected SHA-256, so that the same code runs in Node and in a browser.
// Leaves and nodes are hashed with different prefixes; nothing else in this package hashes tree data.

/** SHA-256 of `data`, 32 bytes. Must not keep a reference to `data`: callers reuse their buffers. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

/** Bytes of one hash. */
export const hashSize = 32;

/** The three hashes of RFC 6962 §2.1. */
export interface TreeHasher {
  /** H(0x00 ‖ data). */
  leaf(data: Uint8Array): Uint8Array;
  /** H(0x01 ‖ left ‖ right). */
  node(left: Uint8Array, right: Uint8Array): Uint8Array;
  /** Root of a perfect subtree over `hashes` (a concatenation of 32-byte hashes whose count is a power of two). */
  fold(hashes: Uint8Array): Uint8Array;
  /** Root of the tree without leaves. */
  readonly emptyRoot: Uint8Array;
}

/** Creates a hasher. It reuses inner buffers and therefore belongs to one thread. */
export function createTreeHasher(sha256: Sha256): TreeHasher {
  let leafInput = new Uint8Array(1024);
  const nodeInput = new Uint8Array(1 + 2 * hashSize);
  nodeInput[0] = 1;
  const hashPair = (pair: Uint8Array): Uint8Array => {
    nodeInput.set(pair, 1);
    return sha256(nodeInput);
  };
  return {
    leaf(data) {
      if (leafInput.length < data.length + 1) leafInput = new Uint8Array(2 * data.length + 1);
      leafInput.set(data, 1);
      return sha256(leafInput.subarray(0, data.length + 1));
    },
    node(left, right) {
      nodeInput.set(left, 1);
      nodeInput.set(right, 1 + hashSize);
      return sha256(nodeInput);
    },
    fold(hashes) {
      if (hashes.length === hashSize) return hashes.slice();
      let level = hashes;
      while (level.length > hashSize) {
        const above = new Uint8Array(level.length / 2);
        for (let offset = 0; offset < above.length; offset += hashSize) {
          above.set(hashPair(level.subarray(2 * offset, 2 * offset + 2 * hashSize)), offset);
        }
        level = above;
      }
      return level;
    },
    emptyRoot: sha256(new Uint8Array(0)),
  };
}

/** True when both have the same bytes. Not constant time: tree hashes are public. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
