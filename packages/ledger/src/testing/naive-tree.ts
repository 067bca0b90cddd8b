// The recursive definitions of RFC 6962 §2.1, written down naively and on their own: tests compare the product with them.
import { createHash } from 'node:crypto';

const sha = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

/** The naive tree over leaf hashes; subtree roots are remembered so that big trees stay quick. */
export class NaiveTree {
  readonly #leaves: Uint8Array[];
  readonly #known = new Map<string, Uint8Array>();

  constructor(leaves: Uint8Array[]) {
    this.#leaves = leaves;
  }

  /** H(0x00 ‖ data). */
  static leaf(data: Uint8Array): Uint8Array {
    return sha(new Uint8Array([0]), data);
  }

  /** MTH(D[start:end]). */
  root(start: number, end: number): Uint8Array {
    if (start === end) return sha();
    if (end - start === 1) return this.#leaves[start] ?? sha();
    const key = `${start}-${end}`;
    const known = this.#known.get(key);
    if (known) return known;
    const k = this.#split(end - start);
    const root = sha(new Uint8Array([1]), this.root(start, start + k), this.root(start + k, end));
    this.#known.set(key, root);
    return root;
  }

  /** PATH(m, D[start:end]). */
  path(m: number, start: number, end: number): Uint8Array[] {
    const n = end - start;
    if (n === 1) return [];
    const k = this.#split(n);
    return m < k
      ? [...this.path(m, start, start + k), this.root(start + k, end)]
      : [...this.path(m - k, start + k, end), this.root(start, start + k)];
  }

  /** SUBPROOF(m, D[start:end], whole). */
  proof(m: number, start: number, end: number, whole = true): Uint8Array[] {
    const n = end - start;
    if (m === n) return whole ? [] : [this.root(start, end)];
    const k = this.#split(n);
    return m <= k
      ? [...this.proof(m, start, start + k, whole), this.root(start + k, end)]
      : [...this.proof(m - k, start + k, end, false), this.root(start, start + k)];
  }

  #split(n: number): number {
    let k = 1;
    while (k << 1 < n) k <<= 1;
    return k;
  }
}
