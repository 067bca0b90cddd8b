// The filter as chips: each says what it demands, flips between include and exclude, and goes with one click.
import { Icon } from '../../components/icon.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { type FilterTerm, fieldLabels, toValueLabel, withoutTerm } from '../../lib/event-filter.ts';
import { toVisibleText } from '../../lib/visible-text.ts';
import { query, setFilter } from './query-state.ts';

function Chip({ term }: { readonly term: FilterTerm }) {
  const { filter } = query.value;
  const value = toValueLabel(term.field, term.value);
  const flipped = filter.map((other) => (other === term ? { ...term, isNegated: !term.isNegated } : other));
  const isText = term.field === 'text';
  const verb = isText ? 'has' : term.isNegated ? 'is not' : 'is';
  return (
    <span class={`chip ${term.isNegated ? 'chip-not' : ''}`}>
      <button
        type="button"
        class="chip-body"
        disabled={isText}
        title={term.isNegated ? 'Excluded. Click to include instead' : 'Included. Click to exclude instead'}
        onClick={() => setFilter(flipped)}
      >
        {fieldLabels[term.field]} <em>{verb}</em>{' '}
        <b>
          <SafeText text={value} />
        </b>
      </button>
      <button
        type="button"
        class="chip-close"
        aria-label={`Drop ${fieldLabels[term.field]} ${verb} ${toVisibleText(value)}`}
        onClick={() => setFilter(withoutTerm(filter, term))}
      >
        <Icon name="close" size={10} />
      </button>
    </span>
  );
}

/** All chips, and a way to drop them at once. Nothing when there is no filter. */
export function FilterChips() {
  const { filter } = query.value;
  if (filter.length === 0) return null;
  return (
    <div class="chips" role="group" aria-label="Filter">
      {filter.map((term) => (
        <Chip key={`${term.isNegated}${term.field}:${term.value}`} term={term} />
      ))}
      {filter.length > 1 && (
        <button type="button" class="button button-quiet" onClick={() => setFilter([])}>
          Clear all
        </button>
      )}
    </div>
  );
}
