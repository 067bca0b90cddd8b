import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNoteVerifier, nodeSha256 } from '../node-crypto.ts';
import { createSigningKey, parseSigningKey, signNote } from '../signing-key.ts';
import { parseBase64, toBase64 } from './base64.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { formatNote, isKeyName, parseNote, parseVerifierKey, verifyNote } from './note.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const line = '— example.org/log AAAAAAAA\n';

describe('a signed note', () => {
  it.each([
    ['has no blank line', `text\n${line}`],
    ['does not end in a newline', `text\n\n${line}`.slice(0, -1)],
    ['has no signature', 'text\n\n'],
    ['has a control character', `te\u0007xt\n\n${line}`],
    ['has a carriage return', `text\r\n\n${line}`],
    ['uses a hyphen for the dash', `text\n\n${line.replace('—', '-')}`],
    ['has a plus sign in a name', 'text\n\n— a+b AAAAAAAA\n'],
    ['has base64 of another spelling', 'text\n\n— a AAAAAAB=\n'],
    ['has too short a signature', 'text\n\n— a AAAAAA==\n'],
    ['has a hundred and one signatures', `text\n\n${line.repeat(101)}`],
  ])('that %s is refused', (_what, note) => {
    expect(() => parseNote(bytes(note))).toThrow(/malformed/);
  });

  it('that is not UTF-8 is refused', () => {
    expect(() => parseNote(new Uint8Array([...bytes('te'), 0xff, ...bytes(`xt\n\n${line}`)]))).toThrow(/UTF-8/);
  });

  it('is cut at the last blank line', () => {
    expect(parseNote(bytes(`a\n\nb\n\n${line}`)).text).toBe('a\n\nb\n');
  });

  it('round-trips whatever its text', () => {
    const key = createSigningKey('example.org/log');
    const printable = fc.string({ unit: 'grapheme' }).filter((text) => text.split('').every((c) => c >= ' '));
    fc.assert(
      fc.property(fc.array(printable, { minLength: 1, maxLength: 5 }), (lines) => {
        const note = signNote(lines.map((text) => `${text}\n`).join(''), [key]);
        expect(parseNote(bytes(formatNote(note)))).toEqual(note);
      }),
      { numRuns: 50 },
    );
  });

  it('is accepted with one known valid signature among strangers, and refused with a known wrong one', async () => {
    const [ours, theirs] = [createSigningKey('example.org/log'), createSigningKey('example.org/log')];
    const note = signNote('text\n', [theirs, ours]);
    expect(await verifyNote(note, [createNoteVerifier(ours.vkey)])).toHaveLength(1);
    const [stranger, own] = note.signatures;
    if (!stranger || !own) throw new Error('two signatures are expected');
    const broken = { ...own, signature: own.signature.with(3, (own.signature[3] ?? 0) ^ 1) };
    const known = [createNoteVerifier(ours.vkey), createNoteVerifier(theirs.vkey)];
    await expect(verifyNote({ ...note, signatures: [stranger, broken] }, known)).rejects.toThrow(/not valid/);
    await expect(verifyNote({ ...note, signatures: [stranger] }, known.slice(0, 1))).rejects.toThrow(
      /none of the expected/,
    );
  });
});

describe('keys', () => {
  it('with a wrong id, name, kind or length are refused with the reason', () => {
    const { vkey } = createSigningKey('example.org/log');
    const [name = '', id = '', ...rest] = vkey.split('+');
    const key = rest.join('+');
    expect(() => parseVerifierKey(nodeSha256, `${name}x+${id}+${key}`)).toThrow(/key id should be/);
    expect(() => parseVerifierKey(nodeSha256, `a b+${id}+${key}`)).toThrow(/name/);
    expect(() => parseVerifierKey(nodeSha256, `${name}+${id.toUpperCase()}z+${key}`)).toThrow(/hexadecimal/);
    expect(() => parseVerifierKey(nodeSha256, `${name}+${id}+AAAA`)).toThrow(/33 bytes/);
  });

  it('never show the secret in an error', () => {
    const { skey } = createSigningKey('example.org/log');
    const secret = skey.split('+').slice(4).join('+');
    for (const damaged of [skey.replace('log', 'lag'), skey.slice(0, -1), `x${skey}`]) {
      expect(() => parseSigningKey(damaged)).toThrow();
      try {
        parseSigningKey(damaged);
      } catch (error) {
        expect(String(error)).not.toContain(secret.slice(4, 20));
      }
    }
  });

  it.each(['', 'a b', 'a+b', 'a\u00a0b', 'a\u2028b', 'a\nb'])('cannot be named %j', (name) => {
    expect(isKeyName(name)).toBe(false);
  });
});

describe('base64', () => {
  it('agrees with Buffer and has one spelling per value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (data) => {
        expect(toBase64(data)).toBe(Buffer.from(data).toString('base64'));
        expect(parseBase64(toBase64(data))).toEqual(data);
      }),
    );
    for (const text of ['A', 'AA', 'AAA', 'AA==A', 'AB==', 'A===', 'AA-_', 'AA= ', '=AAA', 'A=AA']) {
      expect(parseBase64(text), text).toBeUndefined();
    }
  });
});

describe('a checkpoint', () => {
  const root = toBase64(new Uint8Array(32));
  it.each([
    ['an empty origin', `\n1\n${root}\n`],
    ['a size with a leading zero', `o\n01\n${root}\n`],
    ['a negative size', `o\n-1\n${root}\n`],
    ['a size beyond what can be counted', `o\n9007199254740993\n${root}\n`],
    ['a short root', `o\n1\nAAAA\n`],
    ['an empty extension', `o\n1\n${root}\n\n`],
    ['no newline at its end', `o\n1\n${root}`],
  ])('with %s is refused', (_what, text) => {
    expect(() => parseCheckpoint(text)).toThrow(/malformed/);
  });

  it('may carry extension lines', () => {
    expect(parseCheckpoint(`o\n1\n${root}\nmore\n`)).toMatchObject({ origin: 'o', size: 1 });
  });
});
