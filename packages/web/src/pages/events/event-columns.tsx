// The columns of the events table: name, heading and cell. A cell's value is a link that adds it to the filter.
import type { StoredAccessEvent } from '@dockledger/contract';
import type { ComponentChildren } from 'preact';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import type { ColumnName } from '../../lib/column-layout.ts';
import { type FilterField, toTerm } from '../../lib/event-filter.ts';
import { toResult, toTargetName, toWhat, toWho } from '../../lib/event-sentence.ts';
import type { RowGroup } from '../../lib/fold-repeats.ts';
import {
  formatClock,
  formatCount,
  formatDay,
  formatInstant,
  formatLength,
  formatRelative,
} from '../../lib/format-time.ts';
import { toVisibleText } from '../../lib/visible-text.ts';
import { now } from '../../state/clock.ts';
import { taste } from '../../state/taste.ts';
import { hrefWithTerm } from './query-state.ts';

/** Headings by column. */
export const columnLabels: Readonly<Record<ColumnName, string>> = {
  time: 'Time',
  who: 'Who',
  what: 'What',
  container: 'Container',
  image: 'Image',
  result: 'Result',
  rule: 'Rule',
  host: 'Host',
};

interface ValueProps {
  readonly field: FilterField;
  readonly value: string;
  /** What is shown. Defaults to the value. */
  readonly children?: ComponentChildren;
}

/** A value that narrows the list when clicked and excludes when alt-clicked. An empty value shows a quiet dash. */
export function FilterValue({ field, value, children }: ValueProps) {
  if (value === '') return <span class="faint">–</span>;
  return (
    <Link
      class="value"
      tabIndex={-1}
      href={hrefWithTerm(toTerm(field, value))}
      altHref={hrefWithTerm(toTerm(field, value, true))}
      title={toVisibleText(value)}
    >
      {children ?? <SafeText text={value} />}
    </Link>
  );
}

const lateAfterMs = 30_000;

function TimeCell({ event }: { readonly event: StoredAccessEvent }) {
  const { zone } = taste.value;
  const ms = Date.parse(event.time);
  const delayMs = Date.parse(event.receivedAt) - Date.parse(event.lastTime ?? event.time);
  const day = formatDay(ms, zone);
  const isToday = day === formatDay(now.peek(), zone);
  return (
    <time
      dateTime={event.time}
      onMouseEnter={(hover) => {
        const zoneName = zone === 'utc' ? 'UTC' : 'local time';
        hover.currentTarget.title = `${formatInstant(ms, zone)} ${zoneName}, ${formatRelative(ms, Date.now())}`;
      }}
    >
      {!isToday && <span class="muted">{day.slice(5)} </span>}
      {formatClock(ms, zone)}
      {delayMs > lateAfterMs && (
        <span class="late" title={`Arrived ${formatLength(delayMs)} after it happened`}>
          <Icon name="clock" size={11} />
        </span>
      )}
    </time>
  );
}

function WhoCell({ event }: { readonly event: StoredAccessEvent }) {
  const { user, as } = toWho(event);
  if (event.type === 'gap') return <span class="faint">–</span>;
  return (
    <>
      {user === '' ? <span class="faint">unknown</span> : <FilterValue field="user" value={user} />}
      {as !== undefined && (
        <span class="muted as" title={`with the rights of ${toVisibleText(as)}`}>
          {' ⇒ '}
          <SafeText text={as} />
        </span>
      )}
    </>
  );
}

function WhatCell({ group }: { readonly group: RowGroup }) {
  const [event] = group.events;
  const command = event.type === 'docker' ? (event.actor.commandLine ?? '') : '';
  return (
    <>
      {group.count > 1 && (
        <span class="times" title={`${formatCount(group.count)} calls`}>
          ×{formatCount(group.count)}
        </span>
      )}
      <span
        class={event.type === 'sudo' ? 'mono' : ''}
        title={event.type === 'sudo' ? undefined : toVisibleText(event.api)}
      >
        <SafeText text={toWhat(event)} />
      </span>
      {command !== '' && (
        <code class="command">
          <SafeText text={command} />
        </code>
      )}
    </>
  );
}

const resultWords = { allowed: 'allowed', refused: 'refused', failed: 'failed', gap: 'gap' } as const;

/** Allowed, refused, failed or gap: a word, an icon and a colour. */
export function ResultMark({ event }: { readonly event: StoredAccessEvent }) {
  const result = toResult(event);
  const isAlerted = result === 'allowed' && event.decision.findings.length > 0;
  const status = event.outcome.status === undefined ? '' : ` (status ${event.outcome.status})`;
  return (
    <span class={`result tone-${result}`} title={`${resultWords[result]}, outcome ${event.outcome.state}${status}`}>
      <Icon name={result} size={12} />{' '}
      {result === 'failed' && event.outcome.status !== undefined ? event.outcome.status : resultWords[result]}
      {isAlerted && (
        <span class="tone-gap" title="A rule or check would have refused it">
          {' '}
          alert
        </span>
      )}
    </span>
  );
}

/** The content of one cell. */
export function toCell(column: ColumnName, group: RowGroup): ComponentChildren {
  const [event] = group.events;
  if (column === 'time') return <TimeCell event={event} />;
  if (column === 'who') return <WhoCell event={event} />;
  if (column === 'what') return <WhatCell group={group} />;
  if (column === 'container') {
    const name = event.target.containerName ?? '';
    if (name !== '') return <FilterValue field="container" value={name} />;
    const other = toTargetName(event);
    return other === '' ? (
      <span class="faint">–</span>
    ) : (
      <span class="muted" title={toVisibleText(other)}>
        <SafeText text={other} />
      </span>
    );
  }
  if (column === 'image') return <FilterValue field="image" value={event.target.imageName ?? ''} />;
  if (column === 'result') return <ResultMark event={event} />;
  if (column === 'rule') return <FilterValue field="rule" value={event.decision.rule} />;
  return <FilterValue field="hostname" value={event.host.hostname} />;
}
