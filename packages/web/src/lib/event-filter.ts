// The filter of the Events page: an ordered list of terms, in the URL and in API calls under the same names.
// Terms of one field are alternatives, different fields must all hold, and a negated term must not hold.

/** Fields that an event can be filtered by, as the API names them. */
export const filterFields = [
  'user',
  'api',
  'container',
  'image',
  'rule',
  'allow',
  'type',
  'hostname',
  'cluster',
  'sourceIP',
  'session',
  'defender',
  'text',
] as const;

/** One of {@link filterFields}. */
export type FilterField = (typeof filterFields)[number];

/** One condition: the field is (or is not) the value. */
export interface FilterTerm {
  readonly field: FilterField;
  readonly value: string;
  readonly isNegated: boolean;
}

/** All conditions, in the order the reader gave them, without repeats. */
export type EventFilter = readonly FilterTerm[];

/** What a chip and a facet call a field. */
export const fieldLabels: Readonly<Record<FilterField, string>> = {
  user: 'Who',
  api: 'What',
  container: 'Container',
  image: 'Image',
  rule: 'Rule',
  allow: 'Result',
  type: 'Kind',
  hostname: 'Host',
  cluster: 'Cluster',
  sourceIP: 'Source address',
  session: 'Session',
  defender: 'Defender',
  text: 'Text',
};

// Names that links of other tools and older pages use for the same field.
const aliases: Readonly<Record<string, FilterField>> = {
  who: 'user',
  what: 'api',
  action: 'api',
  host: 'hostname',
  ruleName: 'rule',
  containerName: 'container',
  imageName: 'image',
  ip: 'sourceIP',
  kind: 'type',
  result: 'allow',
  is: 'allow',
  search: 'text',
  q: 'text',
};

/** The field of that name or alias, or undefined. */
export function toFilterField(name: string): FilterField | undefined {
  return filterFields.find((field) => field === name) ?? (Object.hasOwn(aliases, name) ? aliases[name] : undefined);
}

/** Brings a value into the form in which it is kept: `allow` speaks true and false, whatever word was used. */
export function toFilterValue(field: FilterField, value: string): string {
  if (field !== 'allow') return value;
  const word = value.toLowerCase();
  if (['false', 'refused', 'denied', 'deny', 'blocked', 'no'].includes(word)) return 'false';
  if (['true', 'allowed', 'allow', 'yes'].includes(word)) return 'true';
  return value;
}

/** A term in its kept form. Text is one and is never negated: the Console searches for it as a whole. */
export function toTerm(field: FilterField, value: string, isNegated = false): FilterTerm {
  return { field, value: toFilterValue(field, value), isNegated: isNegated && field !== 'text' };
}

function isSameTerm(a: FilterTerm, b: FilterTerm): boolean {
  return a.field === b.field && a.value === b.value && a.isNegated === b.isNegated;
}

/** The filter with the term added. A term that says the opposite goes, and so does another text; a term that is there already stays where it is. */
export function withTerm(filter: EventFilter, term: FilterTerm): EventFilter {
  if (filter.some((other) => isSameTerm(other, term))) return filter;
  const opposite = { ...term, isNegated: !term.isNegated };
  const isReplaced = (other: FilterTerm) =>
    isSameTerm(other, opposite) || (term.field === 'text' && other.field === 'text');
  return [...filter.filter((other) => !isReplaced(other)), term];
}

/** The filter without the term. */
export function withoutTerm(filter: EventFilter, term: FilterTerm): EventFilter {
  return filter.filter((other) => !isSameTerm(other, term));
}

/** True when the filter holds exactly this term. */
export function hasTerm(filter: EventFilter, term: FilterTerm): boolean {
  return filter.some((other) => isSameTerm(other, term));
}

/** Appends the terms as query parameters: `user=alice`, `not.user=ci`. */
export function appendFilter(params: URLSearchParams, filter: EventFilter): void {
  for (const term of filter) params.append(term.isNegated ? `not.${term.field}` : term.field, term.value);
}

/** Reads terms from query parameters; names it does not know and empty values are passed over. */
export function parseFilter(params: URLSearchParams): EventFilter {
  let filter: EventFilter = [];
  for (const [name, value] of params) {
    const isNegated = name.startsWith('not.');
    const field = toFilterField(isNegated ? name.slice(4) : name);
    if (field === undefined || value === '' || (isNegated && field === 'text')) continue;
    filter = withTerm(filter, toTerm(field, value, isNegated));
  }
  return filter;
}

/** How a reader sees the term's value: `refused` rather than `false`. */
export function toValueLabel(field: FilterField, value: string): string {
  if (field === 'allow') return value === 'false' ? 'refused' : value === 'true' ? 'allowed' : value;
  return value === '' ? '(none)' : value;
}
