// One rule of the list in words, with its place, its hits and what can be done with it.
import type { AccessRule } from '@dockledger/contract';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { toTerm } from '../../lib/event-filter.ts';
import { toEventsHref } from '../../lib/events-query.ts';
import { formatCount } from '../../lib/format-time.ts';
import { toListWords } from '../../lib/rule-list.ts';
import { toVisibleText } from '../../lib/visible-text.ts';
import { RuleSparkline } from './rule-sparkline.tsx';
import { hitsRange } from './seen-values.ts';

const effectWords = { allow: 'Allow', deny: 'Refuse', alert: 'Alert' } as const;
const effectIcons = { allow: 'allowed', deny: 'refused', alert: 'failed' } as const;

/** Each sparkline is a question to the Console: long lists show the numbers only further down. */
const mostSparklines = 30;

interface Props {
  readonly rule: AccessRule;
  readonly index: number;
  readonly length: number;
  /** Calls it decided in the last 7 days; undefined while unknown. */
  readonly hits: number | undefined;
  readonly shadow: AccessRule | undefined;
  readonly isOpen: boolean;
  readonly isDrop: boolean;
  readonly onToggle: () => void;
  readonly onMove: (to: number) => void;
  readonly onDragStart: () => void;
  readonly onDragOver: () => void;
  readonly onDrop: () => void;
}

function toScope(rule: AccessRule): string {
  const parts: string[] = [];
  if (toListWords(rule.group, '') !== '') parts.push(`groups ${toListWords(rule.group, '')}`);
  if (rule.collections !== undefined && !rule.collections.some((name) => name === 'All' || name === '*')) {
    parts.push(`on ${rule.collections.join(', ')}`);
  }
  if (rule.condition?.readonly === true) parts.push('reads only');
  if (rule.condition?.device !== undefined && rule.condition.device !== '')
    parts.push(`mounts within ${rule.condition.device}`);
  if (rule.auditAllowed === false) parts.push('allowed calls only counted');
  return parts.join(' · ');
}

function RuleWords({ rule, shadow }: { readonly rule: AccessRule; readonly shadow: AccessRule | undefined }) {
  const scope = toScope(rule);
  return (
    <div class="rule-words">
      <b>
        <SafeText text={rule.name === '' ? '(no name)' : rule.name} />
      </b>
      {rule.disabled === true && <span class="muted"> off</span>}
      <p>
        <SafeText text={toListWords(rule.principal, 'everybody')} />
        {rule.effect === 'deny' ? ' may not ' : rule.effect === 'alert' ? ' is noted for ' : ' may '}
        <code>
          <SafeText text={toListWords(rule.action, 'anything')} />
        </code>
        {scope !== '' && (
          <>
            {' · '}
            <SafeText text={scope} />
          </>
        )}
      </p>
      {shadow !== undefined && (
        <p class="rule-shadow">
          <Icon name="failed" size={12} /> Never reached: <SafeText text={shadow.name} /> above it decides first.
        </p>
      )}
    </div>
  );
}

/** The row. Alt with the arrow keys moves the rule. */
export function RuleRow(props: Props) {
  const { rule, index, length, hits } = props;
  const name = toVisibleText(rule.name);
  return (
    <div
      class="rule-line"
      draggable
      onDragStart={props.onDragStart}
      onDragOver={(event) => {
        event.preventDefault();
        props.onDragOver();
      }}
      onDrop={(event) => {
        event.preventDefault();
        props.onDrop();
      }}
      onKeyDown={(event) => {
        if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
        event.preventDefault();
        props.onMove(index + (event.key === 'ArrowUp' ? -1 : 1));
      }}
    >
      <span class="rule-grip" title="Drag to move">
        <Icon name="grip" />
      </span>
      <span class="rule-place">{index + 1}</span>
      <span class={`effect effect-${rule.effect}`}>
        <Icon name={effectIcons[rule.effect]} size={12} /> {effectWords[rule.effect]}
      </span>
      <RuleWords rule={rule} shadow={props.shadow} />
      <span class="rule-hits">
        {hits === undefined ? (
          ''
        ) : hits === 0 ? (
          <span class="faint">no hits</span>
        ) : (
          <Link
            href={toEventsHref({ filter: [toTerm('rule', rule.previousName ?? rule.name)], range: hitsRange })}
            title="Calls it decided in the last 7 days"
          >
            {index < mostSparklines && <RuleSparkline rule={rule.previousName ?? rule.name} />}
            <span>{formatCount(hits)} hits</span>
          </Link>
        )}
      </span>
      <span class="rule-tools">
        <button
          type="button"
          class="button button-quiet"
          disabled={index === 0}
          aria-label={`Move ${name} up`}
          title="Up (Alt ↑)"
          onClick={() => props.onMove(index - 1)}
        >
          <Icon name="up" size={12} />
        </button>
        <button
          type="button"
          class="button button-quiet"
          disabled={index === length - 1}
          aria-label={`Move ${name} down`}
          title="Down (Alt ↓)"
          onClick={() => props.onMove(index + 1)}
        >
          <Icon name="down" size={12} />
        </button>
        <button
          type="button"
          class="button"
          aria-expanded={props.isOpen}
          aria-label={`${props.isOpen ? 'Close' : 'Edit'} ${name}`}
          onClick={props.onToggle}
        >
          {props.isOpen ? 'Close' : 'Edit'}
        </button>
      </span>
    </div>
  );
}
