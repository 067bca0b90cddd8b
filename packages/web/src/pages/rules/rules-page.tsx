// The Rules page: the ordered list, edited in place as a draft, tried on recorded calls, shown as a diff and saved as a whole.
import { useState } from 'preact/hooks';
import { type ApiFailure, toShownFailure } from '../../api/client.ts';
import { loadCollectionNames } from '../../api/collections.ts';
import { loadRules, saveRules } from '../../api/rules.ts';
import { Icon } from '../../components/icon.tsx';
import { FailureNotice, Skeleton } from '../../components/notice.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { hasCatchAll } from '../../lib/rule-list.ts';
import { useResource } from '../../state/resource.ts';
import { RuleList } from './rule-list.tsx';
import { RulesHistory } from './rules-history.tsx';
import { RulesTabs } from './rules-tabs.tsx';
import { SaveDialog } from './save-dialog.tsx';
import { loadSeen } from './seen-values.ts';
import { TestBox } from './test-box.tsx';
import { useRuleDraft } from './use-rule-draft.ts';
import { useRuleTrial } from './use-rule-trial.ts';

const newRule = {
  name: 'New rule',
  effect: 'deny',
  action: ['container_exec_create'],
  principal: ['*'],
  group: ['*'],
} as const;

/** The page. */
export function RulesPage() {
  const loaded = useResource('rules', loadRules);
  const seen = useResource('rule seen', loadSeen);
  const collections = useResource('rule collections', loadCollectionNames);
  const draft = useRuleDraft(loaded.data);
  const { base, rules, changes, problem } = draft;
  const [openKey, setOpenKey] = useState<number | undefined>(undefined);
  const [shown, setShown] = useState<'history' | 'test' | undefined>(undefined);
  const [isReviewing, setIsReviewing] = useState(false);
  const [isSaving, setIsSaving] = useState(false);
  const [failure, setFailure] = useState<ApiFailure | undefined>(undefined);
  const trial = useRuleTrial(rules, base !== undefined && (openKey !== undefined || changes.length > 0));
  const save = async (note: string) => {
    if (base === undefined) return;
    setIsSaving(true);
    setFailure(undefined);
    try {
      draft.take(await saveRules(rules, base.etag, note));
      setIsReviewing(false);
      setOpenKey(undefined);
    } catch (error) {
      setFailure(toShownFailure(error));
    } finally {
      setIsSaving(false);
    }
  };
  const compareWithTheirs = async () => {
    try {
      draft.rebase(await loadRules());
      setFailure(undefined);
    } catch (error) {
      setFailure(toShownFailure(error));
    }
  };
  const toggle = (part: 'history' | 'test') => setShown(shown === part ? undefined : part);
  return (
    <div class="page">
      <RulesTabs />
      <PageHead
        title="Rules"
        actions={
          <>
            <button
              type="button"
              class="button"
              disabled={base === undefined}
              aria-expanded={shown === 'test'}
              onClick={() => toggle('test')}
            >
              <Icon name="terminal" /> Test a command
            </button>
            <button type="button" class="button" aria-expanded={shown === 'history'} onClick={() => toggle('history')}>
              <Icon name="clock" /> History
            </button>
            <button
              type="button"
              class="button"
              disabled={base === undefined}
              onClick={() =>
                setOpenKey(
                  draft.insert(0, {
                    ...newRule,
                    action: [...newRule.action],
                    principal: [...newRule.principal],
                    group: [...newRule.group],
                  }),
                )
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
      {base !== undefined && shown === 'test' && <TestBox rules={rules} seen={seen.data} />}
      {base !== undefined && shown === 'history' && (
        <div class="rules-history">
          <RulesHistory current={base.rules.version} onRestore={draft.replaceAll} />
        </div>
      )}
      {base !== undefined && !hasCatchAll(rules) && (
        <div class="notice notice-warn">
          <Icon name="failed" />
          <span>No rule catches what the others leave open, so all of that is refused.</span>
        </div>
      )}
      {base !== undefined && (
        <RuleList
          draft={draft}
          trial={trial}
          seen={seen.data}
          collections={collections.data ?? []}
          openKey={openKey}
          onOpen={setOpenKey}
        />
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
              if (base !== undefined) draft.take(base);
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
          trial={trial}
          onSave={(note) => void save(note)}
          onRebase={() => void compareWithTheirs()}
          onClose={() => {
            setIsReviewing(false);
            setFailure(undefined);
          }}
        />
      )}
    </div>
  );
}
