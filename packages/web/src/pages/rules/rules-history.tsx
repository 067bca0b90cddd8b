// The versions that were in force: who saved them, what they changed, and a way to take one back as a draft.
import type { AccessRule } from '@dockledger/contract';
import { useState } from 'preact/hooks';
import { loadRulesHistory, type RulesVersion } from '../../api/rules.ts';
import { FailureNotice, Skeleton } from '../../components/notice.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { formatInstant } from '../../lib/format-time.ts';
import { diffRules } from '../../lib/rule-list.ts';
import { useResource } from '../../state/resource.ts';
import { taste } from '../../state/taste.ts';
import { RuleDiff } from './rule-diff.tsx';

interface VersionProps {
  readonly version: RulesVersion;
  readonly before: RulesVersion | undefined;
  readonly isInForce: boolean;
  readonly onRestore: (rules: readonly AccessRule[]) => void;
}

function Version({ version, before, isInForce, onRestore }: VersionProps) {
  const [isOpen, setIsOpen] = useState(false);
  const changes = diffRules(before?.accessRules ?? [], version.accessRules);
  return (
    <li>
      <b>Version {version.version}</b>
      <span class="tabular">{formatInstant(Date.parse(version.savedAt), taste.value.zone).slice(0, 19)}</span>
      <SafeText text={version.savedBy === '' ? 'shipped' : version.savedBy} />
      <button type="button" class="button button-quiet" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
        {changes.length === 1 ? 'One change' : `${changes.length} changes`}
      </button>
      {isInForce ? (
        <span class="tone-well">in force</span>
      ) : (
        <button type="button" class="button" onClick={() => onRestore(version.accessRules)}>
          Take as draft
        </button>
      )}
      {(version.note ?? '') !== '' && (
        <q>
          <SafeText text={version.note ?? ''} />
        </q>
      )}
      {isOpen && <RuleDiff changes={changes} />}
    </li>
  );
}

interface Props {
  /** The version in force; a new one loads the list again. */
  readonly current: number;
  readonly onRestore: (rules: readonly AccessRule[]) => void;
}

/** The history, newest first. */
export function RulesHistory({ current, onRestore }: Props) {
  const { data, failure, retryAtMs, reload } = useResource(`history ${current}`, loadRulesHistory);
  return (
    <section class="card" aria-label="History">
      <h2>History</h2>
      {failure !== undefined && <FailureNotice failure={failure} retryAtMs={retryAtMs} onRetry={reload} />}
      {data === undefined && failure === undefined && <Skeleton rows={3} />}
      <ul class="history">
        {data?.map((version, index) => (
          <Version
            key={version.version}
            version={version}
            before={data[index + 1]}
            isInForce={version.version === current}
            onRestore={onRestore}
          />
        ))}
      </ul>
    </section>
  );
}
