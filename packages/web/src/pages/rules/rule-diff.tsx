// Changes between two lists of rules, one line each, with the fields that differ.
import { SafeText } from '../../components/safe-text.tsx';
import type { RuleChange } from '../../lib/rule-list.ts';

const kindWords: Readonly<Record<RuleChange['kind'], string>> = {
  added: 'New',
  removed: 'Removed',
  changed: 'Changed',
  moved: 'Moved',
};

function Change({ change }: { readonly change: RuleChange }) {
  return (
    <li>
      <b>{kindWords[change.kind]}</b> <SafeText text={change.name} />
      <span class="muted"> {change.kind === 'removed' ? `was ${change.place}` : `at ${change.place}`}</span>
      {change.fields.length > 0 && (
        <dl>
          {change.fields.map(({ field, before, after }) => (
            <div key={field} class="field">
              <dt>{field}</dt>
              <dd>
                {before !== '' && (
                  <del>
                    <SafeText text={before} />
                  </del>
                )}{' '}
                {after !== '' && (
                  <ins>
                    <SafeText text={after} />
                  </ins>
                )}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

/** The list of changes. */
export function RuleDiff({ changes }: { readonly changes: readonly RuleChange[] }) {
  return (
    <ul class="diff">
      {changes.map((change) => (
        <Change key={`${change.kind} ${change.name}`} change={change} />
      ))}
    </ul>
  );
}
