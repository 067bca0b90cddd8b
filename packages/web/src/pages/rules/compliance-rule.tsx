// One compliance rule: its name, what it is for, and each check explained, switched off, to alert or to refuse.
import type { ComplianceRule } from '@dockledger/contract';
import { useState } from 'preact/hooks';
import type { ComplianceCheckView } from '../../api/compliance.ts';
import { ListField } from './list-field.tsx';

const states = [
  ['off', 'Off'],
  ['alert', 'Alert'],
  ['block', 'Refuse'],
] as const;

type CheckState = (typeof states)[number][0];

/** `54` is `5.4`; the Console's own checks from 590 on have no number of the benchmark. */
export function toCheckNumber(id: number): string {
  const text = String(id);
  return id >= 590 ? text : `${text.slice(0, 1)}.${text.slice(1)}`;
}

function stateOf(rule: ComplianceRule, id: number): CheckState {
  const named = rule.condition.vulnerabilities.find((check) => check.id === id);
  return named === undefined ? 'off' : named.block ? 'block' : 'alert';
}

function withState(rule: ComplianceRule, id: number, state: CheckState): ComplianceRule {
  const others = rule.condition.vulnerabilities.filter((check) => check.id !== id);
  const vulnerabilities = state === 'off' ? others : [...others, { id, block: state === 'block' }];
  return { ...rule, condition: { vulnerabilities: vulnerabilities.toSorted((a, b) => a.id - b.id) } };
}

interface Props {
  readonly rule: ComplianceRule;
  readonly checks: readonly ComplianceCheckView[];
  readonly collections: readonly string[];
  readonly onChange: (rule: ComplianceRule) => void;
  readonly onRemove: () => void;
}

/** The rule, open for editing. */
export function ComplianceRuleEditor({ rule, checks, collections, onChange, onRemove }: Props) {
  const [search, setSearch] = useState('');
  const word = search.trim().toLowerCase();
  const found = checks.filter(({ id, title, remediation }) =>
    `${toCheckNumber(id)} ${title} ${remediation}`.toLowerCase().includes(word),
  );
  return (
    <div class="editor">
      <div class="editor-grid">
        <label>
          Name
          <input
            type="text"
            required
            maxLength={256}
            value={rule.name}
            onInput={(event) => onChange({ ...rule, name: event.currentTarget.value })}
          />
        </label>
        <ListField
          label="Collections"
          note="which containers; * is all"
          values={rule.collections}
          offers={collections}
          onChange={(named) => {
            const { collections: _, ...rest } = rule;
            onChange(named.includes('*') ? rest : { ...rest, collections: named });
          }}
        />
        <label class="editor-wide">
          Words for the person who is refused <span class="note">added to the refusal</span>
          <input
            type="text"
            maxLength={2000}
            value={rule.blockMsg ?? ''}
            onInput={(event) => onChange({ ...rule, blockMsg: event.currentTarget.value })}
          />
        </label>
        <label class="check editor-wide">
          <input
            type="checkbox"
            checked={rule.disabled !== true}
            onChange={(event) => onChange({ ...rule, disabled: !event.currentTarget.checked })}
          />
          In force
        </label>
      </div>
      <input
        type="text"
        class="check-search"
        aria-label="Search checks"
        placeholder="Search checks: privileged, socket, root …"
        value={search}
        onInput={(event) => setSearch(event.currentTarget.value)}
      />
      <ul class="checks-list">
        {found.map(({ id, title, remediation }) => (
          <li key={id} class={`check-row check-${stateOf(rule, id)}`}>
            <span class="mono muted">{toCheckNumber(id)}</span>
            <div>
              <b>{title}</b>
              <p class="muted">{remediation}</p>
            </div>
            <div class="segments" role="radiogroup" aria-label={`${toCheckNumber(id)} ${title}`}>
              {states.map(([state, label]) => (
                <label key={state}>
                  <input
                    type="radio"
                    name={`check ${id} of ${rule.name}`}
                    checked={stateOf(rule, id) === state}
                    onChange={() => onChange(withState(rule, id, state))}
                  />
                  {label}
                </label>
              ))}
            </div>
          </li>
        ))}
        {found.length === 0 && <li class="muted">No check has this in its words.</li>}
      </ul>
      <p class="row-actions">
        <button type="button" class="button button-danger" onClick={onRemove}>
          Remove this rule
        </button>
      </p>
    </div>
  );
}
