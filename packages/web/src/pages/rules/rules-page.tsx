// The Rules page: the ordered list, edited in place as a draft, shown as a diff and saved as a whole.
import type { AccessRule } from '@dockledger/contract';
import { useEffect, useState } from 'preact/hooks';
import { type ApiFailure, toShownFailure } from '../../api/client.ts';
import { loadFacets } from '../../api/events.ts';
import { loadRules, saveRules, type TaggedRules } from '../../api/rules.ts';
import { Icon } from '../../components/icon.tsx';
import { FailureNotice, Skeleton } from '../../components/notice.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { toApiParams } from '../../lib/events-query.ts';
import { diffRules, findShadow, hasCatchAll, moveRule } from '../../lib/rule-list.ts';
import { useResource } from '../../state/resource.ts';
import { loadSeen, RuleEditor } from './rule-editor.tsx';
import { hitsRange, RuleRow } from './rule-row.tsx';
import { RulesHistory } from './rules-history.tsx';
import { SaveDialog } from './save-dialog.tsx';

/** A rule of the draft with a key that stays while its name and place change. */
interface DraftRule {
  readonly key: number;
  readonly rule: AccessRule;
}

let lastKey = 0;

function toDraft(rules: readonly AccessRule[]): DraftRule[] {
  return rules.map((rule) => {
    lastKey += 1;
    return { key: lastKey, rule };
  });
}

function toFreeName(rules: readonly DraftRule[], wanted: string): string {
  const names = new Set(rules.map(({ rule }) => rule.name));
  let name = wanted;
  for (let count = 2; names.has(name); count += 1) name = `${wanted} ${count}`;
  return name;
}

/** The rule with its old name remembered, so that a rename is one change and keeps its hits. */
function withPreviousName(base: readonly AccessRule[], before: AccessRule, after: AccessRule): AccessRule {
  const original = before.previousName ?? before.name;
  const { previousName: _, ...rest } = after;
  return rest.name !== original && base.some((rule) => rule.name === original)
    ? { ...rest, previousName: original }
    : rest;
}

function findProblem(draft: readonly DraftRule[]): string {
  const names = draft.map(({ rule }) => rule.name.trim());
  if (names.includes('')) return 'A rule has no name.';
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? '' : `Two rules are named ${twice}.`;
}

async function loadHits(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const facets = await loadFacets(toApiParams({ filter: [], range: hitsRange }, Date.now()), ['rule'], signal, 1000);
  return new Map((facets.rule ?? []).map(({ value, count }) => [value, count]));
}

/** The page. */
export function RulesPage() {
  const loaded = useResource('rules', loadRules);
  const hits = useResource('rule hits', loadHits);
  const seen = useResource('rule seen', loadSeen);
  const [base, setBase] = useState<TaggedRules | undefined>(undefined);
  const [draft, setDraft] = useState<readonly DraftRule[]>([]);
  const [openKey, setOpenKey] = useState<number | undefined>(undefined);
  const [drag, setDrag] = useState<{ readonly key: number; readonly over: number } | undefined>(undefined);
  const [showsHistory, setShowsHistory] = useState(false);
  const [isReviewing, setIsReviewing] = useState(false);
  const [isSaving, setIsSaving] = useState(false);
  const [failure, setFailure] = useState<ApiFailure | undefined>(undefined);
  const take = (rules: TaggedRules) => {
    setBase(rules);
    setDraft(toDraft(rules.rules.accessRules));
  };
  useEffect(() => {
    if (loaded.data !== undefined && base === undefined) take(loaded.data);
  }, [loaded.data]);
  const rules = draft.map(({ rule }) => rule);
  const changes = base === undefined ? [] : diffRules(base.rules.accessRules, rules);
  useEffect(() => {
    if (changes.length === 0) return undefined;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [changes.length > 0]);
  const change = (key: number, after: AccessRule) =>
    setDraft(
      draft.map((entry) =>
        entry.key === key ? { key, rule: withPreviousName(base?.rules.accessRules ?? [], entry.rule, after) } : entry,
      ),
    );
  const move = (from: number, to: number) => {
    const order = moveRule(
      draft.map(({ key }) => ({ name: String(key), effect: 'allow' as const })),
      from,
      to,
    );
    setDraft(order.flatMap(({ name }) => draft.filter(({ key }) => String(key) === name)));
  };
  const insert = (at: number, rule: AccessRule) => {
    const [made] = toDraft([{ ...rule, name: toFreeName(draft, rule.name) }]);
    if (made === undefined) return;
    setDraft(draft.toSpliced(at, 0, made));
    setOpenKey(made.key);
  };
  const save = async () => {
    if (base === undefined) return;
    setIsSaving(true);
    setFailure(undefined);
    try {
      take(await saveRules(rules, base.etag));
      setIsReviewing(false);
      setOpenKey(undefined);
    } catch (error) {
      setFailure(toShownFailure(error));
    } finally {
      setIsSaving(false);
    }
  };
  const rebase = async () => {
    try {
      setBase(await loadRules());
      setFailure(undefined);
    } catch (error) {
      setFailure(toShownFailure(error));
    }
  };
  const problem = findProblem(draft);
  const isEditable = base !== undefined;
  return (
    <div class="page">
      <PageHead
        title="Rules"
        actions={
          <>
            <button
              type="button"
              class="button"
              aria-expanded={showsHistory}
              onClick={() => setShowsHistory(!showsHistory)}
            >
              <Icon name="clock" /> History
            </button>
            <button
              type="button"
              class="button"
              disabled={!isEditable}
              onClick={() =>
                insert(0, {
                  name: 'New rule',
                  effect: 'deny',
                  action: ['container_exec_create'],
                  principal: ['*'],
                  group: ['*'],
                })
              }
            >
              <Icon name="plus" /> New rule
            </button>
          </>
        }
      >
        Read from the top: the first rule that matches decides. What none matches is refused. Alert rules note and go
        on.
        {base !== undefined && ` Version ${base.rules.version} is in force.`}
      </PageHead>
      {loaded.failure !== undefined && (
        <FailureNotice failure={loaded.failure} retryAtMs={loaded.retryAtMs} onRetry={loaded.reload} />
      )}
      {base === undefined && loaded.failure === undefined && <Skeleton />}
      {base !== undefined && !hasCatchAll(rules) && (
        <div class="notice notice-warn">
          <Icon name="failed" />
          <span>No rule catches what the others leave open, so all of that is refused.</span>
        </div>
      )}
      {base !== undefined && (
        <ol class="rule-list">
          {draft.map(({ key, rule }, index) => (
            <li
              key={key}
              class={`rule ${rule.disabled === true ? 'is-off' : ''} ${drag?.over === index && drag.key !== key ? 'is-drop' : ''}`}
            >
              <RuleRow
                rule={rule}
                index={index}
                length={draft.length}
                hits={hits.data === undefined ? undefined : (hits.data.get(rule.previousName ?? rule.name) ?? 0)}
                shadow={findShadow(rules, index)}
                isOpen={openKey === key}
                isDrop={drag?.over === index}
                onToggle={() => setOpenKey(openKey === key ? undefined : key)}
                onMove={(to) => move(index, to)}
                onDragStart={() => setDrag({ key, over: index })}
                onDragOver={() => drag !== undefined && drag.over !== index && setDrag({ ...drag, over: index })}
                onDrop={() => {
                  if (drag !== undefined)
                    move(
                      draft.findIndex((entry) => entry.key === drag.key),
                      index,
                    );
                  setDrag(undefined);
                }}
              />
              {openKey === key && (
                <RuleEditor
                  rule={rule}
                  seen={seen.data}
                  onChange={(after) => change(key, after)}
                  onRemove={() => setDraft(draft.filter((entry) => entry.key !== key))}
                  onCopy={() => insert(index + 1, { ...rule, name: `${rule.name} copy` })}
                />
              )}
            </li>
          ))}
        </ol>
      )}
      {showsHistory && base !== undefined && (
        <div class="rules-history">
          <RulesHistory current={base.rules.version} onRestore={(restored) => setDraft(toDraft(restored))} />
        </div>
      )}
      {changes.length > 0 && (
        <div class="save-bar">
          <span>
            {changes.length === 1 ? 'One change' : `${changes.length} changes`}, not in force yet.
            {problem !== '' && <b class="tone-refused"> {problem}</b>}
          </span>
          <button
            type="button"
            class="button"
            onClick={() => {
              if (base !== undefined) take(base);
            }}
          >
            Discard
          </button>
          <button
            type="button"
            class="button button-primary"
            disabled={problem !== ''}
            onClick={() => setIsReviewing(true)}
          >
            Review and save
          </button>
        </div>
      )}
      {isReviewing && base !== undefined && (
        <SaveDialog
          before={base.rules.accessRules}
          after={rules}
          failure={failure}
          isSaving={isSaving}
          onSave={() => void save()}
          onRebase={() => void rebase()}
          onClose={() => {
            setIsReviewing(false);
            setFailure(undefined);
          }}
        />
      )}
    </div>
  );
}
