// What a rule of the draft, and the draft as a whole, would have done to the calls of the last 7 days.
import type { AccessRule } from '@dockledger/contract';
import type { PersonCount, RuleTrial } from '../../api/rule-trial.ts';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { toTerm } from '../../lib/event-filter.ts';
import { toEventsHref } from '../../lib/events-query.ts';
import { formatCount, formatInstant } from '../../lib/format-time.ts';
import { taste } from '../../state/taste.ts';
import { hitsRange } from './seen-values.ts';
import type { KnownTrial } from './use-rule-trial.ts';

/** `1 call`, `1 204 calls`. */
function calls(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'call' : 'calls'}`;
}

function Persons({ persons }: { readonly persons: readonly PersonCount[] }) {
  return (
    <>
      {persons.map(({ user, calls: count }, index) => (
        <span key={user}>
          {index > 0 && ', '}
          {user === '' ? (
            'unknown'
          ) : (
            <Link href={toEventsHref({ filter: [toTerm('type', 'docker'), toTerm('user', user)], range: hitsRange })}>
              <SafeText text={user} />
            </Link>
          )}{' '}
          <span class="muted">{formatCount(count)}</span>
        </span>
      ))}
    </>
  );
}

function Since({ trial }: { readonly trial: RuleTrial }) {
  if (trial.isWhole) return <>the last 7 days</>;
  const since = trial.oldestTime === undefined ? '' : formatInstant(Date.parse(trial.oldestTime), taste.value.zone);
  return <>the newest calls, since {since.slice(0, 16)}</>;
}

/** One line under the editor of a rule. */
export function RuleReach({ rule, known }: { readonly rule: AccessRule; readonly known: KnownTrial }) {
  const { trial, failure } = known;
  const reach = trial?.rules.find(({ name }) => name === rule.name);
  return (
    <p class="would-match" aria-live="polite">
      {rule.disabled === true ? (
        'Not in force: it decides nothing.'
      ) : failure !== undefined ? (
        <span class="muted">What it would have done is not known: {failure.message}</span>
      ) : trial === undefined || reach === undefined ? (
        <span class="muted">Trying it on the calls of the last 7 days…</span>
      ) : reach.calls === 0 ? (
        <>
          In <Since trial={trial} /> it would have decided nothing.
        </>
      ) : (
        <>
          In <Since trial={trial} /> it would have {rule.effect === 'alert' ? 'noted' : 'decided'}{' '}
          <b>{calls(reach.calls)}</b>
          {rule.effect !== 'alert' && (
            <>
              , refused <b class={reach.refused > 0 ? 'tone-refused' : ''}>{formatCount(reach.refused)}</b>
            </>
          )}
          : <Persons persons={reach.persons} />
        </>
      )}
    </p>
  );
}

/** The effect of saving the draft: how many calls would be decided otherwise, whose, and the newest of them. */
export function ChangeEffect({ known: { trial, failure } }: { readonly known: KnownTrial }) {
  if (failure !== undefined)
    return <p class="muted">What this would have changed last week is not known: {failure.message}</p>;
  if (trial === undefined) return <p class="muted">Trying it on the calls of the last 7 days…</p>;
  const { newlyRefused, newlyAllowed, changed, personsRefused } = trial;
  if (newlyRefused === 0 && newlyAllowed === 0) {
    return (
      <p class="change-effect">
        <Icon name="allowed" /> None of the {calls(trial.calls)} of <Since trial={trial} /> would have been decided
        otherwise.
      </p>
    );
  }
  return (
    <div class="change-effect">
      <p>
        Of the {calls(trial.calls)} of <Since trial={trial} />,{' '}
        {newlyRefused > 0 && (
          <>
            <b class="tone-refused">{formatCount(newlyRefused)} would be refused</b> that are allowed now
          </>
        )}
        {newlyRefused > 0 && newlyAllowed > 0 && ', and '}
        {newlyAllowed > 0 && (
          <>
            <b class="tone-well">{formatCount(newlyAllowed)} allowed</b> that are refused now
          </>
        )}
        .
      </p>
      {personsRefused.length > 0 && (
        <p>
          <span class="muted">Refused: </span>
          <Persons persons={personsRefused} />
        </p>
      )}
      <ul class="changed-calls">
        {changed.map((entry) => (
          <li key={entry.id}>
            <span class={entry.isRefused ? 'tone-refused' : 'tone-well'}>
              <Icon name={entry.isRefused ? 'refused' : 'allowed'} size={12} />{' '}
              {entry.isRefused ? 'refused' : 'allowed'}
            </span>
            <Link
              href={toEventsHref({ filter: [toTerm('user', entry.user)], range: { kind: 'all' }, selected: entry.id })}
            >
              <SafeText text={entry.user === '' ? 'unknown' : entry.user} />
            </Link>
            <code>
              <SafeText text={entry.api} />
            </code>
            <span class="muted">
              on <SafeText text={entry.hostname} /> by <SafeText text={entry.ruleAfter} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
