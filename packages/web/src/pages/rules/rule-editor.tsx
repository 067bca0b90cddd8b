// Editing one rule in place, with the number of recorded calls that it would have matched.
import type { AccessRule } from '@dockledger/contract';
import { useState } from 'preact/hooks';
import { loadCount, loadFacets } from '../../api/events.ts';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { toApiParams, toEventsHref } from '../../lib/events-query.ts';
import { formatCount } from '../../lib/format-time.ts';
import { parseList } from '../../lib/rule-list.ts';
import { toReachFilter } from '../../lib/rule-reach.ts';
import { useResource } from '../../state/resource.ts';
import { ActionPicker } from './action-picker.tsx';
import { hitsRange } from './rule-row.tsx';

/** Persons and actions seen in the last 7 days. */
export interface SeenValues {
  readonly users: readonly string[];
  readonly actions: readonly string[];
}

/** What was seen of Docker in the last 7 days. */
export async function loadSeen(signal: AbortSignal): Promise<SeenValues> {
  const params = toApiParams(
    { filter: [{ field: 'type', value: 'docker', isNegated: false }], range: hitsRange },
    Date.now(),
  );
  const facets = await loadFacets(params, ['user', 'api'], signal, 1000);
  const toValues = (values: readonly { readonly value: string }[] | undefined) =>
    (values ?? []).map(({ value }) => value);
  return { users: toValues(facets.user), actions: toValues(facets.api) };
}

function WouldMatch({ rule, seen }: { readonly rule: AccessRule; readonly seen: SeenValues | undefined }) {
  const filter = seen === undefined ? undefined : toReachFilter(rule, seen);
  const key = filter === undefined ? 'nothing' : JSON.stringify(filter);
  const { data } = useResource(`reach ${key}`, async (signal) =>
    filter === undefined
      ? { key, total: 0 }
      : { key, total: (await loadCount(toApiParams({ filter, range: hitsRange }, Date.now()), signal)).total },
  );
  if (seen === undefined) return null;
  const total = data?.key === key ? data.total : undefined;
  const isNarrower =
    rule.group?.some((group) => group !== '*') === true ||
    rule.collections !== undefined ||
    rule.condition !== undefined;
  return (
    <p class="would-match" aria-live="polite">
      {total === undefined ? (
        <span class="muted">Counting…</span>
      ) : filter === undefined || total === 0 ? (
        'No call of the last 7 days matches its persons and actions.'
      ) : (
        <>
          {isNarrower && 'At most '}
          <Link href={toEventsHref({ filter, range: hitsRange })}>{formatCount(total)} calls</Link> of the last 7 days
          match its persons and actions
          {rule.effect === 'deny' ? '; it would have refused those that no earlier rule decides.' : '.'}
        </>
      )}
    </p>
  );
}

function ListField({
  label,
  note,
  values,
  offers,
  onChange,
}: {
  readonly label: string;
  readonly note: string;
  readonly values: readonly string[] | undefined;
  readonly offers?: readonly string[];
  readonly onChange: (values: string[]) => void;
}) {
  const [text, setText] = useState((values ?? ['*']).join(', '));
  const shown = parseList(text).join('\n') === (values ?? ['*']).join('\n') ? text : (values ?? ['*']).join(', ');
  const listId = `offers-${label}`;
  return (
    <label>
      {label} <span class="note">{note}</span>
      <input
        type="text"
        class="mono-field"
        value={shown}
        {...(offers !== undefined && { list: listId })}
        onInput={(event) => {
          setText(event.currentTarget.value);
          onChange(parseList(event.currentTarget.value));
        }}
      />
      {offers !== undefined && (
        <datalist id={listId}>
          {offers.slice(0, 100).map((offer) => (
            <option key={offer} value={offer} />
          ))}
        </datalist>
      )}
    </label>
  );
}

const effects = [
  ['allow', 'Allow'],
  ['deny', 'Refuse'],
  ['alert', 'Alert only'],
] as const;

interface Props {
  readonly rule: AccessRule;
  readonly seen: SeenValues | undefined;
  readonly onChange: (rule: AccessRule) => void;
  readonly onRemove: () => void;
  readonly onCopy: () => void;
}

/** The editor. Every change is in the draft at once; nothing is in force before saving. */
export function RuleEditor({ rule, seen, onChange, onRemove, onCopy }: Props) {
  const [showsPicker, setShowsPicker] = useState(false);
  const change = (part: Partial<AccessRule>) => onChange({ ...rule, ...part });
  const setCollections = (collections: string[]) => {
    const { collections: _, ...rest } = rule;
    onChange(collections.includes('*') ? rest : { ...rest, collections });
  };
  const setReadonly = (isReadonly: boolean) => {
    const { condition, ...rest } = rule;
    const kept = condition?.device === undefined ? {} : { device: condition.device };
    const next = isReadonly ? { ...kept, readonly: true } : kept;
    onChange(Object.keys(next).length === 0 ? rest : { ...rest, condition: next });
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
      </div>
      <WouldMatch rule={rule} seen={seen} />
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
