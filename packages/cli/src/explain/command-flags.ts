// Splits the words of a docker command into flags and arguments as the client's own parser does.
// Invariant: a flag that is not known is an error with its name, never silently an argument.
import { AppError } from '@dockledger/contract';

/** Which flags a command has. Names without dashes; `short` maps one letter to a long name. */
export interface FlagGrammar {
  /** Flags that take no value. */
  readonly switches: readonly string[];
  /** Flags that take one. */
  readonly values: readonly string[];
  readonly short: Readonly<Record<string, string>>;
  /** True: flags may stand behind arguments. False: the first argument ends them, as with `run` and `exec`. */
  readonly mixes: boolean;
}

/** The words, taken apart. */
export interface ParsedFlags {
  /** Every value of a flag, in order; a switch has `true` or `false`. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly rest: readonly string[];
}

/** Takes the words apart. Throws `bad_setting` on a flag that the command does not have. */
export function parseFlags(command: string, words: readonly string[], grammar: FlagGrammar): ParsedFlags {
  const flags = new Map<string, string[]>();
  const rest: string[] = [];
  const add = (name: string, value: string) => flags.set(name, [...(flags.get(name) ?? []), value]);
  const unknown = (flag: string) =>
    new AppError('bad_setting', `\`docker ${command}\` has no flag ${flag} that is known here.`);
  const valueAfter = (at: number, flag: string) => {
    const value = words[at + 1];
    if (value === undefined) throw new AppError('bad_setting', `Flag ${flag} of \`docker ${command}\` needs a value.`);
    return value;
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '--') {
      rest.push(...words.slice(at + 1));
      break;
    }
    if (word === '-' || !word.startsWith('-')) {
      rest.push(word);
      if (grammar.mixes) continue;
      rest.push(...words.slice(at + 1));
      break;
    }
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = word.slice(2, equals < 0 ? undefined : equals);
      if (grammar.switches.includes(name)) add(name, equals < 0 ? 'true' : word.slice(equals + 1));
      else if (!grammar.values.includes(name)) throw unknown(`--${name}`);
      else if (equals >= 0) add(name, word.slice(equals + 1));
      else add(name, valueAfter(at++, word));
      continue;
    }
    // Letters may stand together; the first that takes a value takes the rest of the word.
    for (let letter = 1; letter < word.length; letter++) {
      const name = grammar.short[word[letter] ?? ''];
      if (name === undefined) throw unknown(`-${word[letter]}`);
      const behind = word.slice(letter + 1);
      if (grammar.switches.includes(name)) {
        add(name, behind.startsWith('=') ? behind.slice(1) : 'true');
        if (behind.startsWith('=')) break;
        continue;
      }
      if (behind === '') add(name, valueAfter(at++, `-${word[letter]}`));
      else add(name, behind.startsWith('=') ? behind.slice(1) : behind);
      break;
    }
  }
  return { flags, rest };
}

/** The last value of a flag. */
export function lastOf({ flags }: ParsedFlags, name: string): string | undefined {
  return flags.get(name)?.at(-1);
}

/** Every value of a flag. */
export function allOf({ flags }: ParsedFlags, name: string): readonly string[] {
  return flags.get(name) ?? [];
}

/** Whether a switch is on. */
export function isOn(parsed: ParsedFlags, name: string): boolean {
  return ['true', 't', 'TRUE', 'True', 'T', '1'].includes(lastOf(parsed, name) ?? 'false');
}
