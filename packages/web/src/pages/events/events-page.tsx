// The Events page: query bar, histogram, facets, list and detail, all of one query that lives in the address bar.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { loadCount, loadFacets, loadHistogram } from '../../api/events.ts';
import { FirstStart } from '../../components/first-start.tsx';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { EmptyNotice, FailureNotice, Skeleton } from '../../components/notice.tsx';
import { fieldLabels, toValueLabel, withoutTerm } from '../../lib/event-filter.ts';
import { toApiParams } from '../../lib/events-query.ts';
import { foldRepeats } from '../../lib/fold-repeats.ts';
import { formatCount } from '../../lib/format-time.ts';
import { sumBuckets } from '../../lib/histogram-shape.ts';
import { toVisibleText } from '../../lib/visible-text.ts';
import type { EventList } from '../../state/event-list.ts';
import { useResource } from '../../state/resource.ts';
import { taste } from '../../state/taste.ts';
import { useArrivalTicks, useEventList, useEverEmpty } from '../../state/use-event-list.ts';
import { EventDetail } from './event-detail.tsx';
import { EventTable, toGroupId } from './event-table.tsx';
import { FacetPanel, facetFields } from './facet-panel.tsx';
import { FilterChips } from './filter-chips.tsx';
import { Histogram } from './histogram.tsx';
import { QueryBar } from './query-bar.tsx';
import { hrefWith, query, setRange } from './query-state.ts';
import { useEventKeys } from './use-event-keys.ts';

const bucketCount = 96;

/** The key of what is asked, without what is merely looked at. */
function askedKey(): string {
  const { filter, range } = query.value;
  return (
    toApiParams({ filter, range: range.kind === 'last' ? { kind: 'all' } : range }, 0).toString() +
    JSON.stringify(range)
  );
}

function histogramParams(): URLSearchParams {
  const params = toApiParams(query.peek(), Date.now());
  if (!params.has('to')) params.set('to', new Date().toISOString());
  return params;
}

function NoMatch() {
  const { filter, range } = query.value;
  return (
    <EmptyNotice title="Nothing matches">
      <p class="muted">No event in this range passes the whole filter. Loosen it:</p>
      <p class="no-match">
        {range.kind !== 'all' && (
          <Link class="pill" href={hrefWith({ range: { kind: 'all' } })}>
            Look at all time
          </Link>
        )}
        {filter.map((term) => (
          <Link
            key={`${term.isNegated}${term.field}:${term.value}`}
            class="pill"
            href={hrefWith({ filter: withoutTerm(filter, term) })}
          >
            Drop {fieldLabels[term.field]} {term.isNegated ? 'is not' : 'is'}{' '}
            {toVisibleText(toValueLabel(term.field, term.value))}
          </Link>
        ))}
      </p>
    </EmptyNotice>
  );
}

/** The page. */
export function EventsPage() {
  const key = askedKey();
  const { range, isLive, selected } = query.value;
  const follows = isLive && range.kind !== 'between';
  const list = useEventList(`${key} ${follows}`, () => toApiParams(query.peek(), Date.now()), follows);
  const tick = useArrivalTicks(list);
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const [activeId, setActiveId] = useState<string | undefined>(selected);
  const [isFacetSheetOpen, setIsFacetSheetOpen] = useState(false);
  const count = useResource(`count ${key} ${tick}`, (signal) =>
    loadCount(toApiParams(query.peek(), Date.now()), signal),
  );
  const facets = useResource(`facets ${key} ${tick}`, (signal) =>
    loadFacets(toApiParams(query.peek(), Date.now()), facetFields, signal),
  );
  const buckets = useResource(`histogram ${key} ${tick}`, (signal) =>
    loadHistogram(histogramParams(), bucketCount, signal),
  );
  const previous = useRef<EventList | undefined>(undefined);
  const rows = list.rows.value;
  // While a new question loads, the old answer stays, greyed.
  const isStale = list.isLoading.value && rows.length === 0 && (previous.current?.rows.peek().length ?? 0) > 0;
  const shownRows = isStale ? (previous.current?.rows.peek() ?? []) : rows;
  useEffect(() => {
    if (!list.isLoading.value) previous.current = list;
  }, [list, list.isLoading.value]);
  const groups = useMemo(() => {
    if (!taste.value.isFolding) return shownRows.map((event) => ({ events: [event] as const, count: event.count }));
    return foldRepeats(shownRows).flatMap((group) =>
      unfolded.has(toGroupId(group))
        ? group.events.map((event) => ({ events: [event] as const, count: event.count }))
        : [group],
    );
  }, [shownRows, taste.value.isFolding, unfolded]);
  useEventKeys({ groups, activeId, setActiveId });
  const isEverEmpty = useEverEmpty(list);
  const [topRequests, setTopRequests] = useState(0);
  const showWaiting = () => {
    list.showWaiting();
    setTopRequests(topRequests + 1);
  };
  const waiting = list.waiting.value.length;
  const failure = list.failure.value;
  const known = selected === undefined ? undefined : shownRows.find(({ id }) => id === selected);
  const sums = sumBuckets(buckets.data ?? []);
  if (isEverEmpty) return <FirstStart />;
  return (
    <div
      class={`events-page ${selected === undefined ? '' : 'has-detail'} ${taste.value.showsFacets ? '' : 'no-facets'} ${isFacetSheetOpen ? 'facets-open' : ''}`}
    >
      <QueryBar
        facets={facets.data}
        tail={list.tail.value}
        rows={count.data?.rows}
        onFacets={() => setIsFacetSheetOpen(!isFacetSheetOpen)}
      />
      <FilterChips />
      <div class="over-time">
        <p class="totals" aria-live="off">
          {count.data === undefined ? (
            <span class="muted">Counting…</span>
          ) : (
            <span>
              <b>{formatCount(count.data.rows)}</b> {count.data.rows === 1 ? 'event' : 'events'}
              {count.data.total > count.data.rows && (
                <span class="muted"> for {formatCount(count.data.total)} calls</span>
              )}
            </span>
          )}
          {sums.denied > 0 && (
            <Link
              class="tone-refused"
              href={hrefWith({ filter: [...query.value.filter, { field: 'allow', value: 'false', isNegated: false }] })}
            >
              <Icon name="refused" size={12} /> {formatCount(sums.denied)} refused
            </Link>
          )}
        </p>
        <Histogram
          buckets={buckets.data ?? []}
          isStale={buckets.isLoading && buckets.data !== undefined && isStale}
          onZoom={(bounds) => setRange({ kind: 'between', ...bounds })}
        />
      </div>
      {failure !== undefined && <FailureNotice failure={failure} onRetry={() => list.retry()} />}
      <div class="columns">
        {(taste.value.showsFacets || isFacetSheetOpen) && (
          <FacetPanel facets={facets.data} isStale={isStale} onClose={() => setIsFacetSheetOpen(false)} />
        )}
        <section class="list" aria-label="Events">
          {waiting > 0 && (
            <button type="button" class="new-events" onClick={showWaiting}>
              <Icon name="up" size={12} /> {formatCount(waiting)} new
            </button>
          )}
          {list.isLoading.value && shownRows.length === 0 && failure === undefined && <Skeleton rows={14} />}
          {!list.isLoading.value && rows.length === 0 && failure === undefined && <NoMatch />}
          {shownRows.length > 0 && (
            <EventTable
              groups={groups}
              topRequests={topRequests}
              loadedRows={shownRows.length}
              totalRows={count.data?.rows ?? -1}
              hasMore={list.hasMore.value}
              isStale={isStale || (failure !== undefined && failure.kind === 'offline')}
              activeId={activeId}
              onActive={setActiveId}
              onNearEnd={() => void list.loadMore()}
              onHold={(isHeld) => list.hold(isHeld)}
              onUnfold={(id) => setUnfolded(new Set([...unfolded, id]))}
            />
          )}
        </section>
        {selected !== undefined && <EventDetail id={selected} known={known} />}
      </div>
    </div>
  );
}
