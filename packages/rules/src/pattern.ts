// Patterns of rules and collections: `*` at either end, `-` in front to exclude.
// Invariant: exclusions are asked first; a list without an inclusion matches nothing.

/** How two texts are compared: names of people as the system does, resources without regard to case. */
export type CaseRule = 'case-sensitive' | 'ignore-case';

/** One pattern, without its `-`. A `*` inside is no wildcard. */
export interface Pattern {
  readonly kind: 'any' | 'exact' | 'starts-with' | 'ends-with' | 'contains';
  /** The fixed part, folded when the list ignores case. */
  readonly text: string;
}

/** A list of patterns, ready to match. */
export interface PatternList {
  readonly includes: readonly Pattern[];
  readonly excludes: readonly Pattern[];
  readonly caseRule: CaseRule;
  /** True for `*` without exclusions: matches all, even what has no value. */
  readonly matchesAll: boolean;
  /** The inclusions' texts when each is exact and nothing is excluded; for an index. */
  readonly exactTexts: readonly string[] | undefined;
}

/** Reads one pattern, its `-` already removed. */
export function parsePattern(source: string, caseRule: CaseRule): Pattern {
  const folded = caseRule === 'ignore-case' ? source.toLowerCase() : source;
  if (/^\*+$/.test(folded)) return { kind: 'any', text: '' };
  const opens = folded.startsWith('*');
  const closes = folded.endsWith('*');
  const text = folded.slice(opens ? 1 : 0, folded.length - (closes ? 1 : 0));
  return { kind: opens ? (closes ? 'contains' : 'ends-with') : closes ? 'starts-with' : 'exact', text };
}

/** Reads a list. Undefined, the omitted list, matches all. */
export function compilePatterns(sources: readonly string[] | undefined, caseRule: CaseRule): PatternList {
  const list = sources ?? ['*'];
  const includes = list.filter((source) => !source.startsWith('-')).map((source) => parsePattern(source, caseRule));
  const excludes = list
    .filter((source) => source.startsWith('-'))
    .map((source) => parsePattern(source.slice(1), caseRule));
  const isExact = excludes.length === 0 && includes.every((pattern) => pattern.kind === 'exact');
  return {
    includes,
    excludes,
    caseRule,
    matchesAll: excludes.length === 0 && includes.some((pattern) => pattern.kind === 'any'),
    exactTexts: isExact ? includes.map((pattern) => pattern.text) : undefined,
  };
}

function matchesPattern(pattern: Pattern, value: string): boolean {
  switch (pattern.kind) {
    case 'any':
      return true;
    case 'exact':
      return pattern.text === value;
    case 'starts-with':
      return value.startsWith(pattern.text);
    case 'ends-with':
      return value.endsWith(pattern.text);
    default:
      return value.includes(pattern.text);
  }
}

function matchesOne(patterns: readonly Pattern[], values: readonly string[], caseRule: CaseRule): boolean {
  for (const pattern of patterns) {
    if (pattern.kind === 'any') return true;
    for (const value of values) {
      if (matchesPattern(pattern, caseRule === 'ignore-case' ? value.toLowerCase() : value)) return true;
    }
  }
  return false;
}

/** True when no exclusion matches one of the values and an inclusion does. `values` are several names of one thing. */
export function matchesPatterns(list: PatternList, values: readonly string[]): boolean {
  if (list.matchesAll) return true;
  if (list.excludes.length > 0 && matchesOne(list.excludes, values, list.caseRule)) return false;
  return matchesOne(list.includes, values, list.caseRule);
}

/** True when everything that `narrow` matches is matched by `wide`. */
export function coversPattern(wide: Pattern, narrow: Pattern): boolean {
  switch (wide.kind) {
    case 'any':
      return true;
    case 'exact':
      return narrow.kind === 'exact' && narrow.text === wide.text;
    case 'starts-with':
      return (narrow.kind === 'exact' || narrow.kind === 'starts-with') && narrow.text.startsWith(wide.text);
    case 'ends-with':
      return (narrow.kind === 'exact' || narrow.kind === 'ends-with') && narrow.text.endsWith(wide.text);
    default:
      return narrow.kind !== 'any' && narrow.text.includes(wide.text);
  }
}

/** True when it is certain that everything `narrow` matches is matched by `wide`; false when in doubt. */
export function coversPatterns(wide: PatternList, narrow: PatternList): boolean {
  if (wide.matchesAll) return true;
  const excluded = wide.excludes.every((pattern) => narrow.excludes.some((other) => coversPattern(other, pattern)));
  return (
    excluded && narrow.includes.every((pattern) => wide.includes.some((candidate) => coversPattern(candidate, pattern)))
  );
}
