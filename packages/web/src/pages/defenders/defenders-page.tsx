// The Defenders page: every watched host, how it is, and the command that mends what is not well.
import { useState } from 'preact/hooks';
import { type DefenderView, isUnwell, loadDefenders } from '../../api/defenders.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { EmptyNotice, FailureNotice, Skeleton } from '../../components/notice.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { toTerm } from '../../lib/event-filter.ts';
import { toEventsHref } from '../../lib/events-query.ts';
import { formatCount, formatInstant, formatLength, formatRelative } from '../../lib/format-time.ts';
import { now } from '../../state/clock.ts';
import { useResource } from '../../state/resource.ts';
import { taste } from '../../state/taste.ts';
import { EnrolDialog } from './enrol-dialog.tsx';

function StateMark({ defender }: { readonly defender: DefenderView }) {
  if (!defender.isConnected) {
    return (
      <span class="tone-refused">
        <Icon name="failed" size={12} /> not heard from
      </span>
    );
  }
  return isUnwell(defender) ? (
    <span class="tone-gap">
      <Icon name="failed" size={12} /> needs attention
    </span>
  ) : (
    <span class="tone-well">
      <Icon name="allowed" size={12} /> well
    </span>
  );
}

function LastSeen({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return <span class="faint">never</span>;
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={formatInstant(ms, taste.value.zone)}>
      {formatRelative(Math.min(ms, now.value), now.value)}
    </time>
  );
}

function Conditions({ defender }: { readonly defender: DefenderView }) {
  return (
    <>
      {defender.conditions.map((condition) => (
        <div key={condition.name} class="condition">
          <p>
            <Icon name="failed" size={12} /> <SafeText text={condition.text} />{' '}
            <span class="muted">for {formatLength(Math.max(1000, now.value - Date.parse(condition.since)))}</span>
          </p>
          {condition.fix !== undefined && (
            <div class="paste-line">
              <code>
                <SafeText text={condition.fix} />
              </code>
              <CopyButton label="Copy" text={() => condition.fix ?? ''} />
            </div>
          )}
        </div>
      ))}
      {!defender.isConnected && (
        <div class="condition">
          <p>
            <Icon name="failed" size={12} /> The Console hears nothing from it. It goes on guarding with its last rules
            and keeps its events; they arrive when the link is back. On the host:
          </p>
          <div class="paste-line">
            <code>dockledger doctor</code>
            <CopyButton label="Copy" text={() => 'dockledger doctor'} />
          </div>
        </div>
      )}
    </>
  );
}

function DefenderRows({ defender }: { readonly defender: DefenderView }) {
  const name = defender.host.hostname ?? defender.defenderId;
  const backlog = defender.backlog ?? 0;
  const hasMore = isUnwell(defender);
  return (
    <>
      <tr class={hasMore ? 'has-conditions' : ''}>
        <td class="mono strong">
          <Link href={toEventsHref({ filter: [toTerm('defender', defender.defenderId)] })} title="Its events">
            <SafeText text={name === '' ? defender.defenderId : name} />
          </Link>
        </td>
        <td>
          <StateMark defender={defender} />
        </td>
        <td>
          <LastSeen at={defender.lastSeenAt} />
        </td>
        <td class={`number ${backlog > 1000 ? 'tone-gap' : ''}`}>{formatCount(backlog)}</td>
        <td>
          {defender.engine === undefined ? (
            <span class="faint">–</span>
          ) : defender.engine.reachable ? (
            <SafeText text={`Docker ${defender.engine.version ?? ''}`} />
          ) : (
            <span class="tone-gap">no engine</span>
          )}
        </td>
        <td class="number">{defender.rulesVersion ?? '–'}</td>
        <td>
          <SafeText text={defender.host.cluster ?? ''} />
        </td>
        <td class="muted">
          <SafeText text={defender.version ?? ''} />
        </td>
      </tr>
      {hasMore && (
        <tr class="conditions">
          <td colSpan={8}>
            <Conditions defender={defender} />
          </td>
        </tr>
      )}
    </>
  );
}

/** The page. */
export function DefendersPage() {
  const { data, failure, retryAtMs, reload } = useResource('defenders page', loadDefenders, { everyMs: 3000 });
  const unwell = data?.filter(isUnwell).length ?? 0;
  const [isEnrolling, setIsEnrolling] = useState(false);
  return (
    <div class="page">
      <PageHead
        title="Defenders"
        actions={
          <button type="button" class="button" onClick={() => setIsEnrolling(true)}>
            <Icon name="plus" /> Enrol a host
          </button>
        }
      >
        {data === undefined || data.length === 0
          ? 'A Defender guards the Docker engine of one host.'
          : unwell === 0
            ? `All ${data.length} are well.`
            : `${data.length - unwell} of ${data.length} are well.`}
      </PageHead>
      {failure !== undefined && <FailureNotice failure={failure} retryAtMs={retryAtMs} onRetry={reload} />}
      {data === undefined && failure === undefined && <Skeleton />}
      {data?.length === 0 && (
        <EmptyNotice title="No Defender has reported yet">
          <p class="muted">
            <code>dockledger up</code> starts a Console and a Defender on one machine. Other hosts are enrolled with one
            line to paste.
          </p>
        </EmptyNotice>
      )}
      {data !== undefined && data.length > 0 && (
        <div class="scroll-x">
          <table class={`plain defenders ${failure === undefined ? '' : 'is-stale'}`}>
            <thead>
              <tr>
                <th scope="col">Host</th>
                <th scope="col">State</th>
                <th scope="col">Last heard</th>
                <th scope="col" class="number">
                  Backlog
                </th>
                <th scope="col">Engine</th>
                <th scope="col" class="number">
                  Rules
                </th>
                <th scope="col">Cluster</th>
                <th scope="col">Version</th>
              </tr>
            </thead>
            <tbody>
              {data
                .toSorted((a, b) => Number(isUnwell(b)) - Number(isUnwell(a)))
                .map((defender) => (
                  <DefenderRows key={defender.defenderId} defender={defender} />
                ))}
            </tbody>
          </table>
        </div>
      )}
      {isEnrolling && <EnrolDialog onClose={() => setIsEnrolling(false)} />}
    </div>
  );
}
