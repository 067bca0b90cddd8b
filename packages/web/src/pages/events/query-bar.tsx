// The bar over the list: search, range, zone, live, columns and export.
import type { Facets } from '../../api/events.ts';
import { Icon } from '../../components/icon.tsx';
import { toApiParams } from '../../lib/events-query.ts';
import type { TailState } from '../../state/event-list.ts';
import { navigate } from '../../state/location.ts';
import { prefer, taste } from '../../state/taste.ts';
import { ColumnsMenu } from './columns-menu.tsx';
import { ExportMenu } from './export-menu.tsx';
import { hrefWith, query } from './query-state.ts';
import { RangeMenu } from './range-menu.tsx';
import { SearchField } from './search-field.tsx';
import { ViewsMenu } from './views-menu.tsx';

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

interface Props {
  readonly facets: Facets | undefined;
  readonly tail: TailState;
  readonly rows: number | undefined;
  /** Opens the facets where they have no column of their own. */
  readonly onFacets: () => void;
}

/** The bar. */
export function QueryBar({ facets, tail, rows, onFacets }: Props) {
  const { zone } = taste.value;
  return (
    <div class="query-bar">
      <SearchField facets={facets} />
      <div class="query-tools">
        <button type="button" class="button narrow-facets" onClick={onFacets}>
          <Icon name="filter" /> Filter
        </button>
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
        <ViewsMenu />
        <ColumnsMenu />
        <ExportMenu params={() => toApiParams(query.peek(), Date.now())} rows={rows} />
      </div>
    </div>
  );
}
