// Editing one rule in place, with what it would have done to the calls of the last 7 days.
import type { AccessRule } from '@dockledger/contract';
import { useState } from 'preact/hooks';
import { Icon } from '../../components/icon.tsx';
import { ActionPicker } from './action-picker.tsx';
import { ListField } from './list-field.tsx';
import { RuleReach } from './rule-reach.tsx';
import type { SeenValues } from './seen-values.ts';
import type { KnownTrial } from './use-rule-trial.ts';

const effects = [
  ['allow', 'Allow'],
  ['deny', 'Refuse'],
  ['alert', 'Alert only'],
] as const;

interface Props {
  readonly rule: AccessRule;
  readonly seen: SeenValues | undefined;
  /** Names of the collections that rules may be limited to. */
  readonly collections: readonly string[];
  readonly trial: KnownTrial;
  readonly onChange: (rule: AccessRule) => void;
  readonly onRemove: () => void;
  readonly onCopy: () => void;
}

/** In force, recorded, reads only. */
function Switches({ rule, onChange }: Pick<Props, 'rule' | 'onChange'>) {
  const change = (part: Partial<AccessRule>) => onChange({ ...rule, ...part });
  const setReadonly = (isReadonly: boolean) => {
    const { condition, ...rest } = rule;
    const kept = condition?.device === undefined ? {} : { device: condition.device };
    const next = isReadonly ? { ...kept, readonly: true } : kept;
    onChange(Object.keys(next).length === 0 ? rest : { ...rest, condition: next });
  };
  return (
    <div class="editor-wide row-actions">
      <label class="check">
        <input
          type="checkbox"
          checked={rule.disabled !== true}
          onChange={(event) => change({ disabled: !event.currentTarget.checked })}
        />
        In force
      </label>
      {rule.effect === 'allow' && (
        <>
          <label class="check">
            <input
              type="checkbox"
              checked={rule.auditAllowed !== false}
              onChange={(event) => change({ auditAllowed: event.currentTarget.checked })}
            />
            Record allowed calls
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={rule.condition?.readonly === true}
              onChange={(event) => setReadonly(event.currentTarget.checked)}
            />
            Reads only
          </label>
        </>
      )}
    </div>
  );
}

/** The editor. Every change is in the draft at once; nothing is in force before saving. */
export function RuleEditor({ rule, seen, collections, trial, onChange, onRemove, onCopy }: Props) {
  const [showsPicker, setShowsPicker] = useState(false);
  const change = (part: Partial<AccessRule>) => onChange({ ...rule, ...part });
  const setCollections = (collections: string[]) => {
    const { collections: _, ...rest } = rule;
    onChange(collections.includes('*') ? rest : { ...rest, collections });
  };
  return (
    <div class="editor">
      <div class="editor-grid">
        <label>
          Name
          <input
            type="text"
            value={rule.name}
            maxLength={256}
            required
            onInput={(event) => change({ name: event.currentTarget.value })}
          />
        </label>
        <div>
          <span class="label">Effect</span>
          <div>
            <div class="segments" role="radiogroup" aria-label="Effect">
              {effects.map(([value, word]) => (
                <label key={value}>
                  <input
                    type="radio"
                    name={`effect of ${rule.name}`}
                    checked={rule.effect === value}
                    onChange={() => change({ effect: value })}
                  />
                  {word}
                </label>
              ))}
            </div>
          </div>
        </div>
        <ListField
          label="Persons"
          note="names, uid:1000, container:/x; * is everybody"
          values={rule.principal}
          {...(seen && { offers: seen.users })}
          onChange={(principal) => change({ principal })}
        />
        <ListField label="Groups" note="* is any" values={rule.group} onChange={(group) => change({ group })} />
        <ListField
          label="Collections"
          note="what it is done to must be in one of them; * is all"
          values={rule.collections}
          offers={collections}
          onChange={setCollections}
        />
        <div class="editor-wide">
          <ListField
            label="Actions"
            note="* is all, container_* all of a kind"
            values={rule.action}
            {...(seen && { offers: seen.actions })}
            onChange={(action) => change({ action })}
          />
          <button
            type="button"
            class="button button-quiet"
            aria-expanded={showsPicker}
            onClick={() => setShowsPicker(!showsPicker)}
          >
            <Icon name={showsPicker ? 'down' : 'right'} size={10} /> Choose from a list
          </button>
          {showsPicker && (
            <ActionPicker
              chosen={rule.action ?? ['*']}
              seen={seen?.actions ?? []}
              onChange={(action) => change({ action })}
            />
          )}
        </div>
        {rule.effect === 'deny' && (
          <label class="editor-wide">
            Words for the person who is refused <span class="note">added to the refusal</span>
            <input
              type="text"
              maxLength={2000}
              value={rule.blockMsg ?? ''}
              onInput={(event) => change({ blockMsg: event.currentTarget.value })}
            />
          </label>
        )}
        <label class="editor-wide">
          Notes
          <textarea
            rows={2}
            maxLength={10_000}
            value={rule.notes ?? ''}
            onInput={(event) => change({ notes: event.currentTarget.value })}
          />
        </label>
        <Switches rule={rule} onChange={onChange} />
      </div>
      <RuleReach rule={rule} known={trial} />
      <p class="row-actions">
        <button type="button" class="button" onClick={onCopy}>
          <Icon name="copy" /> Duplicate
        </button>
        <button type="button" class="button button-danger" onClick={onRemove}>
          Remove
        </button>
      </p>
    </div>
  );
}
