// The facets: for each field the most frequent values among all matches, with counts; click includes, the minus excludes.
import { useState } from 'preact/hooks';
import type { Facets, FacetValue } from '../../api/events.ts';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { Skeleton } from '../../components/notice.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { type FilterField, fieldLabels, hasTerm, toTerm, toValueLabel } from '../../lib/event-filter.ts';
import { formatCount } from '../../lib/format-time.ts';
import { toVisibleText } from '../../lib/visible-text.ts';
import { hrefToggling, hrefWithTerm, query } from './query-state.ts';

/** The fields shown, in their order. */
export const facetFields: readonly FilterField[] = [
  'allow',
  'user',
  'api',
  'container',
  'image',
  'hostname',
  'rule',
  'type',
];

const shortLength = 6;

function FacetRow({
  field,
  entry,
  most,
}: {
  readonly field: FilterField;
  readonly entry: FacetValue;
  readonly most: number;
}) {
  const include = toTerm(field, entry.value);
  const exclude = toTerm(field, entry.value, true);
  const { filter } = query.value;
  const isOn = hasTerm(filter, include);
  const isOff = hasTerm(filter, exclude);
  const label = toValueLabel(field, entry.value);
  return (
    <li class={`facet-row ${isOn ? 'is-on' : ''} ${isOff ? 'is-off' : ''}`}>
      <Link
        class="facet-value"
        href={hrefToggling(include)}
        altHref={hrefWithTerm(exclude)}
        title={toVisibleText(label)}
        {...(isOn && { 'aria-current': 'true' as const })}
      >
        <span class={`facet-name ${field === 'allow' && entry.value === 'false' ? 'tone-refused' : ''}`}>
          <SafeText text={label} />
        </span>
        <span class="facet-count">{formatCount(entry.count)}</span>
        <meter class="facet-bar" min={0} max={most} value={entry.count} aria-hidden="true" />
      </Link>
      <Link
        class="facet-exclude"
        href={hrefToggling(exclude)}
        aria-label={`${isOff ? 'Stop excluding' : 'Exclude'} ${toVisibleText(label)}`}
        title={isOff ? 'Stop excluding' : 'Exclude'}
      >
        −
      </Link>
    </li>
  );
}

function Facet({ field, all }: { readonly field: FilterField; readonly all: readonly FacetValue[] }) {
  const [isOpen, setIsOpen] = useState(true);
  const [showsAll, setShowsAll] = useState(false);
  // A filter names a value; there is none for "has no value".
  const entries = all.filter((entry) => entry.value !== '');
  const most = Math.max(1, ...entries.map((entry) => entry.count));
  const shown = showsAll ? entries : entries.slice(0, shortLength);
  // Filtered values stay visible even when nothing matches them, so that they can be switched off here too.
  const missing = query.value.filter
    .filter((term) => term.field === field && !shown.some((entry) => entry.value === term.value))
    .map((term) => entries.find((entry) => entry.value === term.value) ?? { value: term.value, count: 0 });
  if (entries.length === 0 && missing.length === 0) return null;
  return (
    <section class="facet">
      <h3>
        <button type="button" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          <Icon name={isOpen ? 'down' : 'right'} size={10} />
          {fieldLabels[field]}
        </button>
      </h3>
      {isOpen && (
        <ul>
          {[...shown, ...missing].map((entry) => (
            <FacetRow key={entry.value} field={field} entry={entry} most={most} />
          ))}
          {field === 'type' && !query.value.filter.some((term) => term.field === 'type') && (
            <li class="facet-row">
              <Link
                class="facet-value"
                href={hrefToggling(toTerm('type', 'console'))}
                title="Sign-ins, reads and changes of this Console"
              >
                <span class="facet-name muted">console: who read what</span>
              </Link>
            </li>
          )}
          {entries.length > shortLength && (
            <li>
              <button type="button" class="facet-more" onClick={() => setShowsAll(!showsAll)}>
                {showsAll ? 'Fewer' : `${entries.length - shortLength} more`}
              </button>
            </li>
          )}
        </ul>
      )}
    </section>
  );
}

interface Props {
  readonly facets: Facets | undefined;
  readonly isStale: boolean;
  /** Closes the sheet that the column is on narrow screens. */
  readonly onClose: () => void;
}

/** The whole column; a sheet over the list where there is no room for a column. */
export function FacetPanel({ facets, isStale, onClose }: Props) {
  return (
    <aside
      class={`facets ${isStale ? 'is-stale' : ''}`}
      aria-label="Facets"
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <div class="facets-head">
        <h2>Filter</h2>
        <button type="button" class="button" onClick={onClose}>
          Show the events
        </button>
      </div>
      {facets === undefined ? (
        <Skeleton rows={12} />
      ) : (
        facetFields.map((field) => <Facet key={field} field={field} all={facets[field] ?? []} />)
      )}
    </aside>
  );
}
