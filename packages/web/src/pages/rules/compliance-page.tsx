// The compliance rules: what a container must look like to be created. The first rule whose collections fit decides alone.
import type { ComplianceRule } from '@dockledger/contract';
import { useEffect, useState } from 'preact/hooks';
import { toShownFailure } from '../../api/client.ts';
import { loadCollectionNames } from '../../api/collections.ts';
import { loadCompliance, saveCompliance, type TaggedCompliance } from '../../api/compliance.ts';
import { Icon } from '../../components/icon.tsx';
import { EmptyNotice, FailureNotice, Skeleton } from '../../components/notice.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { toListWords } from '../../lib/rule-list.ts';
import { useResource } from '../../state/resource.ts';
import { ComplianceRuleEditor } from './compliance-rule.tsx';
import { RulesTabs } from './rules-tabs.tsx';

function toSummary({ condition: { vulnerabilities } }: ComplianceRule): string {
  const blocking = vulnerabilities.filter(({ block }) => block).length;
  const alerting = vulnerabilities.length - blocking;
  return vulnerabilities.length === 0 ? 'asks no check' : `${blocking} refuse, ${alerting} alert`;
}

function toNewRule(rules: readonly ComplianceRule[], checks: TaggedCompliance['checks']): ComplianceRule {
  const names = new Set(rules.map(({ name }) => name));
  let name = 'New compliance rule';
  for (let count = 2; names.has(name); count += 1) name = `New compliance rule ${count}`;
  // Alerts first: a rule that refuses nothing yet shows what it would refuse.
  return { name, condition: { vulnerabilities: checks.map(({ id }) => ({ id, block: false })) } };
}

/** The page. */
export function CompliancePage() {
  const loaded = useResource('compliance', loadCompliance);
  const collections = useResource('rule collections', loadCollectionNames);
  const [base, setBase] = useState<TaggedCompliance | undefined>(undefined);
  const [rules, setRules] = useState<readonly ComplianceRule[]>([]);
  const [open, setOpen] = useState<number | undefined>(undefined);
  const [note, setNote] = useState('');
  const [problem, setProblem] = useState('');
  const take = (fresh: TaggedCompliance) => {
    setBase(fresh);
    setRules(fresh.complianceRules);
    setNote('');
    setProblem('');
  };
  useEffect(() => {
    if (loaded.data !== undefined && base === undefined) take(loaded.data);
  }, [loaded.data]);
  const isChanged = base !== undefined && JSON.stringify(base.complianceRules) !== JSON.stringify(rules);
  const save = async () => {
    if (base === undefined) return;
    setProblem('');
    try {
      take(await saveCompliance(rules, base.etag, note.trim()));
      setOpen(undefined);
    } catch (error) {
      const failure = toShownFailure(error);
      setProblem(
        failure.kind === 'conflict'
          ? 'Somebody else saved the rules after you opened them. Discard to see theirs.'
          : failure.message,
      );
    }
  };
  const discard = async () => {
    try {
      take(await loadCompliance());
    } catch (error) {
      setProblem(toShownFailure(error).message);
    }
  };
  const add = () => {
    if (base === undefined) return;
    setRules([toNewRule(rules, base.checks), ...rules]);
    setOpen(0);
  };
  return (
    <div class="page">
      <RulesTabs />
      <PageHead
        title="Compliance rules"
        actions={
          <button type="button" class="button" disabled={base === undefined} onClick={add}>
            <Icon name="plus" /> New rule
          </button>
        }
      >
        Checks of what a container asks for when it is created, started or updated. The first rule whose collections fit
        decides alone.
      </PageHead>
      {loaded.failure !== undefined && (
        <FailureNotice failure={loaded.failure} retryAtMs={loaded.retryAtMs} onRetry={loaded.reload} />
      )}
      {base === undefined && loaded.failure === undefined && <Skeleton />}
      {base !== undefined && rules.length === 0 && (
        <EmptyNotice title="No container is checked yet">
          <p class="muted">
            A new rule begins with all {base.checks.length} checks as alerts: it refuses nothing, and findings show what
            it would refuse.
          </p>
        </EmptyNotice>
      )}
      {base !== undefined && rules.length > 0 && (
        <ol class="rule-list">
          {rules.map((rule, index) => (
            <li key={index} class={`rule ${rule.disabled === true ? 'is-off' : ''}`}>
              <div class="rule-line compliance-line">
                <span class="rule-place">{index + 1}</span>
                <div class="rule-words">
                  <b>
                    <SafeText text={rule.name === '' ? '(no name)' : rule.name} />
                  </b>
                  {rule.disabled === true && <span class="muted"> off</span>}
                  <p>
                    {toSummary(rule)} · on <SafeText text={toListWords(rule.collections, 'all containers')} />
                  </p>
                </div>
                <button
                  type="button"
                  class="button"
                  aria-expanded={open === index}
                  onClick={() => setOpen(open === index ? undefined : index)}
                >
                  {open === index ? 'Close' : 'Edit'}
                </button>
              </div>
              {open === index && (
                <ComplianceRuleEditor
                  rule={rule}
                  checks={base.checks}
                  collections={collections.data ?? []}
                  onChange={(after) => setRules(rules.with(index, after))}
                  onRemove={() => {
                    setRules(rules.toSpliced(index, 1));
                    setOpen(undefined);
                  }}
                />
              )}
            </li>
          ))}
        </ol>
      )}
      {(isChanged || problem !== '') && (
        <div class="save-bar">
          <span>{problem === '' ? 'Not in force yet.' : <b class="tone-refused">{problem}</b>}</span>
          <input
            type="text"
            class="save-note"
            aria-label="Note"
            placeholder="Why? Kept with the version"
            maxLength={2000}
            value={note}
            onInput={(event) => setNote(event.currentTarget.value)}
          />
          <button type="button" class="button" onClick={() => void discard()}>
            Discard
          </button>
          <button type="button" class="button button-primary" disabled={!isChanged} onClick={() => void save()}>
            Save and put in force
          </button>
        </div>
      )}
    </div>
  );
}
