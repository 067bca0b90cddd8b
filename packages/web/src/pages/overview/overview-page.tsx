// The start page: the newest events first, then the last 24 hours in figures, each of which leads to the events behind it.
import { useState } from 'preact/hooks';
import { isUnwell, loadDefenders } from '../../api/defenders.ts';
import { type FacetValue, loadCount, loadFacets, loadHistogram } from '../../api/events.ts';
import { FirstStart } from '../../components/first-start.tsx';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { FailureNotice, Skeleton } from '../../components/notice.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { type EventFilter, type FilterField, toTerm } from '../../lib/event-filter.ts';
import { toApiParams, toEventsHref, toWholeParams } from '../../lib/events-query.ts';
import { foldRepeats } from '../../lib/fold-repeats.ts';
import { formatCount } from '../../lib/format-time.ts';
import { defaultRange } from '../../lib/time-range.ts';
import { navigate } from '../../state/location.ts';
import { useResource } from '../../state/resource.ts';
import { useArrivalTicks, useEventList, useEverEmpty } from '../../state/use-event-list.ts';
import { EventTable } from '../events/event-table.tsx';
import { Histogram } from '../events/histogram.tsx';

const fields: readonly FilterField[] = ['user', 'container', 'hostname', 'type'];
const refused: EventFilter = [toTerm('allow', 'false')];
const topLength = 6;

async function loadOverview(signal: AbortSignal) {
  const params = toApiParams({ filter: [], range: defaultRange }, Date.now());
  const refusedParams = toApiParams({ filter: refused, range: defaultRange }, Date.now());
  const histogram = new URLSearchParams(params);
  histogram.set('to', new Date().toISOString());
  const [count, refusedCount, facets, refusedFacets, buckets] = await Promise.all([
    loadCount(params, signal),
    loadCount(refusedParams, signal),
    loadFacets(params, fields, signal),
    loadFacets(refusedParams, ['user', 'rule'], signal),
    loadHistogram(histogram, 96, signal),
  ]);
  return { count, refusedCount, facets, refusedFacets, buckets };
}

interface TopProps {
  readonly title: string;
  readonly field: FilterField;
  readonly values: readonly FacetValue[] | undefined;
  readonly base?: EventFilter;
  readonly none: string;
}

function Top({ title, field, values, base = [], none }: TopProps) {
  const shown = (values ?? []).filter(({ value }) => value !== '').slice(0, topLength);
  const most = Math.max(1, ...shown.map(({ count }) => count));
  return (
    <section class="top">
      <h2>{title}</h2>
      {shown.length === 0 && <p class="muted">{none}</p>}
      <ul>
        {shown.map(({ value, count }) => (
          <li key={value} class="facet-row">
            <Link class="facet-value" href={toEventsHref({ filter: [...base, toTerm(field, value)] })}>
              <span class="facet-name">
                <SafeText text={value} />
              </span>
              <span class="facet-count">{formatCount(count)}</span>
              <meter class="facet-bar" min={0} max={most} value={count} aria-hidden="true" />
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Unwell() {
  const { data } = useResource('overview defenders', loadDefenders, { everyMs: 5000 });
  const unwell = data?.filter(isUnwell) ?? [];
  if (unwell.length === 0) return null;
  return (
    <div class="notice notice-warn">
      <Icon name="failed" />
      <span>
        {unwell.length === 1 ? 'One Defender needs attention: ' : `${unwell.length} Defenders need attention: `}
        {unwell.map((defender, index) => (
          <span key={defender.defenderId}>
            {index > 0 && ', '}
            <b>
              <SafeText text={defender.host.hostname ?? defender.defenderId} />
            </b>
            <span class="muted">
              {' '}
              {defender.isConnected ? (defender.conditions[0]?.name ?? 'no engine') : 'not heard from'}
            </span>
          </span>
        ))}
      </span>
      <Link class="button" href="/defenders">
        See what to do
      </Link>
    </div>
  );
}

function Figure({
  count,
  one,
  many,
  href,
  tone = '',
}: {
  readonly count: number;
  readonly one: string;
  readonly many: string;
  readonly href: string;
  readonly tone?: string;
}) {
  return (
    <Link class={`figure ${tone}`} href={href}>
      <b>{formatCount(count)}</b> {count === 1 ? one : many}
    </Link>
  );
}

/** The page. */
export function OverviewPage() {
  const list = useEventList('overview', toWholeParams, true);
  const tick = useArrivalTicks(list);
  const { data, failure, retryAtMs, reload } = useResource(`overview ${tick}`, loadOverview, { everyMs: 60_000 });
  const isEverEmpty = useEverEmpty(list);
  const [topRequests, setTopRequests] = useState(0);
  const showWaiting = () => {
    list.showWaiting();
    setTopRequests(topRequests + 1);
  };
  const rows = list.rows.value;
  const named = (values: readonly FacetValue[] | undefined) =>
    (values ?? []).filter(({ value }) => value !== '').length;
  if (isEverEmpty) return <FirstStart />;
  const shownFailure = list.failure.value ?? failure;
  return (
    <div class="overview">
      <Unwell />
      {shownFailure !== undefined && (
        <FailureNotice
          failure={shownFailure}
          retryAtMs={retryAtMs}
          onRetry={() => {
            list.retry();
            reload();
          }}
        />
      )}
      <section class="newest" aria-label="Newest events">
        <div class="section-head">
          <h2>Newest events</h2>
          <Link href="/events">All events</Link>
        </div>
        <div class="list newest-list">
          {list.waiting.value.length > 0 && (
            <button type="button" class="new-events" onClick={showWaiting}>
              <Icon name="up" size={12} /> {formatCount(list.waiting.value.length)} new
            </button>
          )}
          {rows.length === 0 ? (
            <Skeleton rows={8} />
          ) : (
            <EventTable
              groups={foldRepeats(rows.slice(0, 100)).slice(0, 40)}
              topRequests={topRequests}
              loadedRows={rows.length}
              totalRows={-1}
              hasMore={false}
              isStale={list.failure.value?.kind === 'offline'}
              activeId={undefined}
              onActive={() => undefined}
              onNearEnd={() => undefined}
              onHold={(isHeld) => list.hold(isHeld)}
              onUnfold={() => navigate('/events')}
            />
          )}
        </div>
      </section>
      <section class="day" aria-label="Last 24 hours">
        <div class="section-head">
          <h2>Last 24 hours</h2>
        </div>
        {data === undefined ? (
          failure === undefined && <Skeleton />
        ) : (
          <>
            <p class="figures">
              <Figure count={data.count.total} one="call" many="calls" href="/events" />
              <Figure
                count={data.refusedCount.total}
                one="refused"
                many="refused"
                href={toEventsHref({ filter: refused })}
                tone={data.refusedCount.total > 0 ? 'tone-refused' : ''}
              />
              <Figure count={named(data.facets.user)} one="person" many="persons" href="/events" />
              <Figure count={named(data.facets.hostname)} one="host" many="hosts" href="/events" />
            </p>
            <Histogram
              buckets={data.buckets}
              isStale={false}
              onZoom={(bounds) => navigate(toEventsHref({ filter: [], range: { kind: 'between', ...bounds } }))}
            />
            <div class="tops">
              <Top
                title="Refused by"
                field="rule"
                base={refused}
                values={data.refusedFacets.rule}
                none="Nothing was refused."
              />
              <Top
                title="Refused persons"
                field="user"
                base={refused}
                values={data.refusedFacets.user}
                none="Nobody was refused."
              />
              <Top title="Persons" field="user" values={data.facets.user} none="Nobody yet." />
              <Top title="Containers" field="container" values={data.facets.container} none="None yet." />
            </div>
          </>
        )}
      </section>
    </div>
  );
}
