// The rules of the draft in their order: moved by dragging, buttons or keys, and opened for editing one at a time.
import { useState } from 'preact/hooks';
import { findShadow } from '../../lib/rule-list.ts';
import { useResource } from '../../state/resource.ts';
import { RuleEditor } from './rule-editor.tsx';
import { RuleRow } from './rule-row.tsx';
import { loadHits, type SeenValues } from './seen-values.ts';
import type { RuleDraft } from './use-rule-draft.ts';
import type { KnownTrial } from './use-rule-trial.ts';

interface Props {
  readonly draft: RuleDraft;
  readonly trial: KnownTrial;
  readonly seen: SeenValues | undefined;
  readonly collections: readonly string[];
  /** Key of the rule whose editor is open. */
  readonly openKey: number | undefined;
  readonly onOpen: (key: number | undefined) => void;
}

/** The list. */
export function RuleList({ draft, trial, seen, collections, openKey, onOpen }: Props) {
  const hits = useResource('rule hits', loadHits);
  const [drag, setDrag] = useState<{ readonly key: number; readonly over: number } | undefined>(undefined);
  return (
    <ol class="rule-list">
      {draft.entries.map(({ key, rule }, index) => (
        <li
          key={key}
          class={`rule ${rule.disabled === true ? 'is-off' : ''} ${drag?.over === index && drag.key !== key ? 'is-drop' : ''}`}
        >
          <RuleRow
            rule={rule}
            index={index}
            length={draft.entries.length}
            hits={hits.data === undefined ? undefined : (hits.data.get(rule.previousName ?? rule.name) ?? 0)}
            shadow={findShadow(draft.rules, index)}
            isOpen={openKey === key}
            isDrop={drag?.over === index}
            onToggle={() => onOpen(openKey === key ? undefined : key)}
            onMove={(to) => draft.move(index, to)}
            onDragStart={() => setDrag({ key, over: index })}
            onDragOver={() => drag !== undefined && drag.over !== index && setDrag({ ...drag, over: index })}
            onDrop={() => {
              if (drag !== undefined)
                draft.move(
                  draft.entries.findIndex((entry) => entry.key === drag.key),
                  index,
                );
              setDrag(undefined);
            }}
          />
          {openKey === key && (
            <RuleEditor
              rule={rule}
              seen={seen}
              collections={collections}
              trial={trial}
              onChange={(after) => draft.change(key, after)}
              onRemove={() => draft.remove(key)}
              onCopy={() => onOpen(draft.insert(index + 1, { ...rule, name: `${rule.name} copy` }))}
            />
          )}
        </li>
      ))}
    </ol>
  );
}
