// One event in full: the sentence, the decision and its reason, every field, the raw line, and the ways on from here.
import type { StoredAccessEvent } from '@dockledger/contract';
import { loadEvent } from '../../api/events.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { FailureNotice, Skeleton } from '../../components/notice.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { type FilterField, toTerm } from '../../lib/event-filter.ts';
import { toSentence } from '../../lib/event-sentence.ts';
import { toEventsHref } from '../../lib/events-query.ts';
import { formatInstant } from '../../lib/format-time.ts';
import { useResource } from '../../state/resource.ts';
import { taste } from '../../state/taste.ts';
import { ResultMark } from './event-columns.tsx';
import { Decision, Record, Target, Who } from './event-fields.tsx';
import { ProofBadge } from './proof-badge.tsx';
import { deselect } from './query-state.ts';
import { SessionChain } from './session-chain.tsx';

const neighbourMs = 300_000;

function Neighbours({ event }: { readonly event: StoredAccessEvent }) {
  const ms = Date.parse(event.time);
  const range = { kind: 'between', fromMs: ms - neighbourMs, toMs: ms + neighbourMs } as const;
  const places: readonly [string, FilterField, string | undefined][] = [
    ['person', 'user', event.actor.user],
    ['session', 'session', event.actor.sessionId],
    ['container', 'container', event.target.containerName],
    ['host', 'hostname', event.host.hostname],
  ];
  return (
    <p class="neighbours">
      <span class="muted">5 minutes around it, same</span>
      {places.map(
        ([name, field, value]) =>
          value !== undefined &&
          value !== '' && (
            <Link
              key={name}
              class="pill"
              href={toEventsHref({ filter: [toTerm(field, value)], range, selected: event.id })}
            >
              {name}
            </Link>
          ),
      )}
    </p>
  );
}

function DetailBody({ event }: { readonly event: StoredAccessEvent }) {
  const link = () =>
    `${window.location.origin}${toEventsHref({ filter: [], range: { kind: 'all' }, selected: event.id })}`;
  return (
    <>
      <p class="sentence">
        <SafeText text={toSentence(event)} />
      </p>
      <p class="detail-marks">
        <ResultMark event={event} />
        <span class="tabular">{formatInstant(Date.parse(event.time), taste.value.zone)}</span>
      </p>
      <ProofBadge event={event} />
      <Neighbours event={event} />
      <div class="detail-actions">
        <CopyButton label="Copy link" icon="link" text={link} />
        <CopyButton label="Copy JSON" text={() => JSON.stringify(event, null, 2)} />
      </div>
      <SessionChain event={event} />
      <Decision event={event} />
      <Who event={event} />
      <Target event={event} />
      <Record event={event} />
      {event.raw !== undefined && event.raw !== '' && (
        <section class="detail-group">
          <h3>Raw line</h3>
          <pre>
            <SafeText text={event.raw} />
          </pre>
        </section>
      )}
    </>
  );
}

interface Props {
  readonly id: string;
  /** The event when the list holds it; otherwise it is loaded by its id. */
  readonly known: StoredAccessEvent | undefined;
}

/** The panel on the right, a sheet on narrow screens. Escape closes it. */
export function EventDetail({ id, known }: Props) {
  const loaded = useResource(known === undefined ? `event ${id}` : 'known', async (signal) =>
    known === undefined ? loadEvent(id, signal) : undefined,
  );
  const event = known ?? (loaded.data?.id === id ? loaded.data : undefined);
  return (
    <aside class="detail" aria-label="Event">
      <div class="detail-head">
        <h2>Event</h2>
        <button type="button" class="button button-quiet" aria-label="Close the event" onClick={deselect}>
          <Icon name="close" />
        </button>
      </div>
      {event !== undefined && <DetailBody event={event} />}
      {event === undefined && loaded.failure === undefined && <Skeleton />}
      {event === undefined && loaded.failure !== undefined && (
        <FailureNotice failure={loaded.failure} retryAtMs={loaded.retryAtMs} onRetry={loaded.reload} />
      )}
    </aside>
  );
}
