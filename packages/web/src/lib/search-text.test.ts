import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventFilter, filterFields, toTerm, withTerm } from './event-filter.ts';
import { formatSearch, parseSearch } from './search-text.ts';

describe('the search field', () => {
  it('reads fields, exclusions, quoted values and words', () => {
    expect(parseSearch('user:alice -host:ci-1 container:"/my db" docker run -v')).toEqual([
      toTerm('user', 'alice'),
      toTerm('hostname', 'ci-1', true),
      toTerm('container', '/my db'),
      toTerm('text', 'docker run -v'),
    ]);
  });

  it('takes the words people use for refused and allowed', () => {
    expect(parseSearch('is:refused')).toEqual([toTerm('allow', 'false')]);
    expect(parseSearch('allow:yes')).toEqual([toTerm('allow', 'true')]);
  });

  it('searches for an address with a colon as text', () => {
    expect(parseSearch('http://registry:5000/x')).toEqual([toTerm('text', 'http://registry:5000/x')]);
  });

  it('gives back every term that it wrote, the text last', () => {
    const anyTerm = fc
      .tuple(fc.constantFrom(...filterFields), fc.string({ minLength: 1, unit: 'grapheme' }), fc.boolean())
      .map(([field, value, isNegated]) => toTerm(field, value, isNegated));
    fc.assert(
      fc.property(fc.array(anyTerm, { maxLength: 5 }), (terms) => {
        const filter = terms.reduce<EventFilter>((all, term) => withTerm(all, term), []);
        const textLast = filter.toSorted((a, b) => Number(a.field === 'text') - Number(b.field === 'text'));
        expect(parseSearch(formatSearch(filter))).toEqual(textLast);
      }),
    );
  });
});
