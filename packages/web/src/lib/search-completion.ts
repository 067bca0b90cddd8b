// What the search field offers for the word being typed: field names first, then values seen for the field.
import { type FilterField, fieldLabels, filterFields, toFilterField } from './event-filter.ts';

/** One offer: what the word becomes, and a note beside it. */
export interface Completion {
  readonly insert: string;
  readonly label: string;
  readonly note: string;
  /** True when the word is complete and the next may begin. */
  readonly isComplete: boolean;
}

const most = 10;

/** The word that ends at the end of the input, with its sign. */
export function lastWord(input: string): string {
  return /(?:[^\s"]|"[^"]*"?)*$/u.exec(input)?.[0] ?? '';
}

function quoteValue(value: string): string {
  return /[\s"\\]/u.test(value) || value.startsWith('-') ? `"${value.replace(/["\\]/gu, '\\$&')}"` : value;
}

/** Offers for the input, best first, at most ten. `values` gives the seen values of a field, most frequent first. */
export function toCompletions(
  input: string,
  values: (field: FilterField) => readonly { readonly value: string; readonly note: string }[],
): Completion[] {
  const word = lastWord(input);
  const sign = word.startsWith('-') ? '-' : '';
  const bare = word.slice(sign.length);
  const colon = bare.indexOf(':');
  if (colon === -1) {
    return filterFields
      .filter((field) => field !== 'text' && field.toLowerCase().startsWith(bare.toLowerCase()))
      .slice(0, most)
      .map((field) => ({
        insert: `${sign}${field}:`,
        label: `${field}:`,
        note: fieldLabels[field],
        isComplete: false,
      }));
  }
  const field = toFilterField(bare.slice(0, colon));
  if (field === undefined) return [];
  const begun = bare
    .slice(colon + 1)
    .replaceAll('"', '')
    .toLowerCase();
  const seen = field === 'allow' ? ['refused', 'allowed'].map((value) => ({ value, note: '' })) : values(field);
  return seen
    .filter(({ value }) => value !== '' && value.toLowerCase().includes(begun) && value.toLowerCase() !== begun)
    .slice(0, most)
    .map(({ value, note }) => ({
      insert: `${sign}${field}:${quoteValue(value)}`,
      label: value,
      note,
      isComplete: true,
    }));
}
