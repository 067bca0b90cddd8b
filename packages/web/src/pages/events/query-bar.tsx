// The bar over the list: search, range, zone, live, columns and export.
import type { Facets } from '../../api/events.ts';
import { Icon } from '../../components/icon.tsx';
import { Menu } from '../../components/menu.tsx';
import { toApiParams } from '../../lib/events-query.ts';
import type { TailState } from '../../state/event-list.ts';
import { navigate } from '../../state/location.ts';
import { columnNames, prefer, taste } from '../../state/taste.ts';
import { columnLabels } from './event-columns.tsx';
import { ExportMenu } from './export-menu.tsx';
import { hrefWith, query } from './query-state.ts';
import { RangeMenu } from './range-menu.tsx';
import { SearchField } from './search-field.tsx';

const tailTitles: Readonly<Record<TailState, string>> = {
  off: 'New events do not come in by themselves',
  opening: 'Connecting',
  open: 'New events come in by themselves',
  broken: 'The live connection broke; asking every few seconds instead',
};

function LiveButton({ tail }: { readonly tail: TailState }) {
  const { isLive, range } = query.value;
  const isPossible = range.kind !== 'between';
  const isOn = isLive && isPossible;
  return (
    <button
      type="button"
      class={`button live live-${isOn ? tail : 'off'}`}
      aria-pressed={isOn}
      disabled={!isPossible}
      title={isPossible ? tailTitles[isOn ? tail : 'off'] : 'A range that has ended gets no new events'}
      onClick={() => navigate(hrefWith({ isLive: !isLive }))}
    >
      <span class="live-dot" aria-hidden="true" />
      {isOn ? (tail === 'broken' ? 'Reconnecting' : 'Live') : 'Paused'}
    </button>
  );
}

function ColumnsMenu() {
  const { hiddenColumns, isFolding, showsFacets, density } = taste.value;
  return (
    <Menu title="Columns and rows" align="end" label={<Icon name="columns" />}>
      {() => (
        <div class="checks">
          {columnNames
            .filter((name) => name !== 'time' && name !== 'what')
            .map((name) => (
              <label key={name}>
                <input
                  type="checkbox"
                  checked={!hiddenColumns.includes(name)}
                  onChange={(event) =>
                    prefer({
                      hiddenColumns: event.currentTarget.checked
                        ? hiddenColumns.filter((other) => other !== name)
                        : [...hiddenColumns, name],
                    })
                  }
                />
                {columnLabels[name]}
              </label>
            ))}
          <hr />
          <label>
            <input type="checkbox" checked={isFolding} onChange={() => prefer({ isFolding: !isFolding })} />
            Fold repeats
          </label>
          <label>
            <input
              type="checkbox"
              checked={density === 'compact'}
              onChange={() => prefer({ density: density === 'compact' ? 'normal' : 'compact' })}
            />
            Compact rows
          </label>
          <label>
            <input type="checkbox" checked={showsFacets} onChange={() => prefer({ showsFacets: !showsFacets })} />
            Facets
          </label>
        </div>
      )}
    </Menu>
  );
}

interface Props {
  readonly facets: Facets | undefined;
  readonly tail: TailState;
  readonly rows: number | undefined;
}

/** The bar. */
export function QueryBar({ facets, tail, rows }: Props) {
  const { zone } = taste.value;
  return (
    <div class="query-bar">
      <SearchField facets={facets} />
      <div class="query-tools">
        <RangeMenu />
        <button
          type="button"
          class="button"
          title={zone === 'utc' ? 'Times are in UTC. Click for local time' : 'Times are local. Click for UTC'}
          onClick={() => prefer({ zone: zone === 'utc' ? 'local' : 'utc' })}
        >
          {zone === 'utc' ? 'UTC' : 'Local'}
        </button>
        <LiveButton tail={tail} />
        <ColumnsMenu />
        <ExportMenu params={() => toApiParams(query.peek(), Date.now())} rows={rows} />
      </div>
    </div>
  );
}
