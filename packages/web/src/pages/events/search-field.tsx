// The search field: words and field:value with completion. Enter turns what was typed into chips; Backspace in the empty
// field takes the last chip back for editing.
import { useId, useRef, useState } from 'preact/hooks';
import type { Facets } from '../../api/events.ts';
import { Icon } from '../../components/icon.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { knownActions, toActionWords } from '../../lib/action-words.ts';
import { type FilterField, withTerm } from '../../lib/event-filter.ts';
import { formatCount } from '../../lib/format-time.ts';
import { type Completion, lastWord, toCompletions } from '../../lib/search-completion.ts';
import { formatSearch, parseSearch } from '../../lib/search-text.ts';
import { query, setFilter } from './query-state.ts';

/** Id by which the `/` key finds the field. */
export const searchFieldId = 'event-search';

function toValues(facets: Facets | undefined, field: FilterField) {
  const seen = (facets?.[field] ?? []).map(({ value, count }) => ({ value, note: formatCount(count) }));
  if (field !== 'api') return seen;
  const more = knownActions.filter((name) => !seen.some(({ value }) => value === name));
  const toNote = (name: string) => `${toActionWords(name).verb} ${toActionWords(name).object}`;
  return [...seen, ...more.map((name) => ({ value: name, note: toNote(name) }))];
}

/** The field with its list of offers. */
export function SearchField({ facets }: { readonly facets: Facets | undefined }) {
  const [text, setText] = useState('');
  const [isOpen, setIsOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const listId = useId();
  const offers = isOpen ? toCompletions(text, (field) => toValues(facets, field)) : [];
  const take = (offer: Completion) => {
    const next = text.slice(0, text.length - lastWord(text).length) + offer.insert;
    setChosen(-1);
    if (offer.isComplete) submit(next);
    else setText(next);
    input.current?.focus();
  };
  const submit = (typed: string) => {
    let { filter } = query.value;
    for (const term of parseSearch(typed)) filter = withTerm(filter, term);
    setText('');
    setIsOpen(false);
    setFilter(filter);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const offer = offers[chosen];
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setIsOpen(true);
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setChosen(
        offers.length === 0
          ? -1
          : (chosen + step + offers.length + (chosen === -1 && step === -1 ? 1 : 0)) % offers.length,
      );
    } else if ((event.key === 'Tab' || event.key === 'Enter') && offer !== undefined) {
      event.preventDefault();
      take(offer);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (text.trim() !== '') submit(text);
    } else if (event.key === 'Escape') {
      if (isOpen && offers.length > 0) setIsOpen(false);
      else input.current?.blur();
    } else if (event.key === 'Backspace' && text === '') {
      const last = query.value.filter.at(-1);
      if (last === undefined) return;
      event.preventDefault();
      setText(formatSearch([last]));
      setFilter(query.value.filter.slice(0, -1));
    }
  };
  return (
    <div class="search">
      <Icon name="search" />
      <input
        ref={input}
        id={searchFieldId}
        type="text"
        role="combobox"
        aria-label="Search events"
        aria-expanded={offers.length > 0}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={chosen === -1 ? undefined : `${listId}-${chosen}`}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder="user:alice  allow:refused  -hostname:ci-1  any text"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setIsOpen(true);
          setChosen(-1);
        }}
        onFocus={() => setIsOpen(true)}
        onBlur={() => setIsOpen(false)}
        onKeyDown={onKeyDown}
      />
      <kbd class="search-key wide-only">/</kbd>
      <ul class="offers" role="listbox" id={listId} aria-label="Suggestions" hidden={offers.length === 0}>
        {offers.map((offer, index) => (
          <li
            key={offer.insert}
            id={`${listId}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onPointerDown={(event) => {
              event.preventDefault();
              take(offer);
            }}
          >
            <code>
              <SafeText text={offer.label} />
            </code>
            <span class="muted">{offer.note}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
