// The language of the search field: `user:alice -host:ci-* "free text"`. Everything that is not field:value is text.
// parseSearch(formatSearch(f)) holds the terms of f, its text last.
import { type EventFilter, type FilterTerm, toFilterField, toTerm, withTerm } from './event-filter.ts';

// A minus, a field name with its colon, then a quoted value (with \" and \\) or a run without blanks.
const token = /(-?)(?:([A-Za-z]+):)?(?:"((?:[^"\\]|\\.)*)"?|(\S+))/gsu;

/** Reads what was typed. All words outside of fields become one text; an unknown field name stays text as a whole, like `http://x`. */
export function parseSearch(input: string): EventFilter {
  let filter: EventFilter = [];
  const words: string[] = [];
  for (const match of input.matchAll(token)) {
    const [whole, minus, name, quoted, plain] = match;
    const value = quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/gsu, '$1');
    const field = name === undefined ? undefined : toFilterField(name);
    if (field !== undefined && field !== 'text') {
      if (value !== '') filter = withTerm(filter, toTerm(field, value, minus === '-'));
    } else if (field === 'text' || (quoted !== undefined && minus === '' && name === undefined)) words.push(value);
    else words.push(whole);
  }
  const text = words.filter((word) => word !== '').join(' ');
  return text === '' ? filter : withTerm(filter, toTerm('text', text));
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/gu, '\\$&')}"`;
}

/** Writes terms as they would be typed. The text comes last. */
export function formatSearch(filter: EventFilter): string {
  const last = (term: FilterTerm) => Number(term.field === 'text');
  return filter
    .toSorted((a, b) => last(a) - last(b))
    .map((term) => {
      const isPlain = /^[^\s"\\-][^\s"\\:]*$/u.test(term.value);
      const value = isPlain ? term.value : quote(term.value);
      return `${term.isNegated ? '-' : ''}${term.field === 'text' ? '' : `${term.field}:`}${value}`;
    })
    .join(' ');
}
