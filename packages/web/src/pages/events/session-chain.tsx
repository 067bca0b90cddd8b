// The way to an event within its session: SSH login, sudo, then the call itself, each step a link to its own event.
import type { StoredAccessEvent } from '@dockledger/contract';
import { loadEvents } from '../../api/events.ts';
import { Link } from '../../components/link.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { toTerm } from '../../lib/event-filter.ts';
import { toResult, toWhat } from '../../lib/event-sentence.ts';
import { toApiParams, toEventsHref } from '../../lib/events-query.ts';
import { formatClock } from '../../lib/format-time.ts';
import { mergeNewest } from '../../lib/merge-newest.ts';
import { useResource } from '../../state/resource.ts';
import { taste } from '../../state/taste.ts';
import { hrefWith } from './query-state.ts';

const backMs = 86_400_000;
const mostSteps = 6;

function toSessionFilter(event: StoredAccessEvent) {
  return [toTerm('session', event.actor.sessionId ?? ''), toTerm('hostname', event.host.hostname)];
}

async function loadSteps(event: StoredAccessEvent, signal: AbortSignal): Promise<readonly StoredAccessEvent[]> {
  const ms = Date.parse(event.time);
  const range = { kind: 'between', fromMs: ms - backMs, toMs: ms + 1 } as const;
  const filter = [...toSessionFilter(event), toTerm('type', 'sshd'), toTerm('type', 'sudo')];
  const { events } = await loadEvents(toApiParams({ filter, range }, ms), { limit: mostSteps, signal });
  return mergeNewest(events, [event]).toReversed();
}

/** The steps before this event, oldest first. Nothing for an event without a session or without steps. */
export function SessionChain({ event }: { readonly event: StoredAccessEvent }) {
  const sessionId = event.actor.sessionId ?? '';
  const { data } = useResource(`chain ${event.id}`, async (signal) =>
    sessionId === '' ? { id: event.id, steps: [] } : { id: event.id, steps: await loadSteps(event, signal) },
  );
  if (data?.id !== event.id || data.steps.length < 2) return null;
  return (
    <section class="detail-group">
      <h3>How it came to this</h3>
      <ol class="chain">
        {data.steps.map((step) => (
          <li key={step.id} class={`chain-${toResult(step)} ${step.id === event.id ? 'is-this' : ''}`}>
            <span class="mono muted">{formatClock(Date.parse(step.time), taste.value.zone).slice(0, 8)}</span>{' '}
            {step.id === event.id ? (
              <b>
                <SafeText text={toWhat(step)} />
              </b>
            ) : (
              <Link href={hrefWith({ selected: step.id })}>
                <SafeText text={toWhat(step)} />
              </Link>
            )}
            {step.type === 'sshd' && (step.actor.sourceIP ?? '') !== '' && (
              <span class="muted">
                {' '}
                from <SafeText text={step.actor.sourceIP ?? ''} />
              </span>
            )}
          </li>
        ))}
      </ol>
      <p>
        <Link href={toEventsHref({ filter: toSessionFilter(event), range: { kind: 'all' }, selected: event.id })}>
          The whole session
        </Link>
      </p>
    </section>
  );
}
