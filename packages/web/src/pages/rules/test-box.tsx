// The test box: paste a docker command, say who types it, and see at once what the draft decides and why.
import type { AccessRule } from '@dockledger/contract';
import { useState } from 'preact/hooks';
import { type CallVerdict, explainCalls, type JudgedCall } from '../../api/rule-trial.ts';
import { Icon } from '../../components/icon.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { toActionWords } from '../../lib/action-words.ts';
import { parseDockerCommand } from '../../lib/docker-command.ts';
import { useResource } from '../../state/resource.ts';
import type { SeenValues } from './seen-values.ts';

const verdictWords: Readonly<Record<string, string>> = {
  decided: 'decides',
  found: 'would refuse it; an alert only notes',
  'other-action': 'is for other actions',
  'other-principal': 'is for other persons',
  'other-group': 'is for other groups',
  'other-collection': 'is for other targets',
  'condition-held': 'has nothing against it',
};

function Why({ steps }: { readonly steps: CallVerdict['steps'] }) {
  const seen = steps.filter(({ verdict }) => verdict !== 'not-reached');
  return (
    <ol class="why">
      {seen.map((step, index) => (
        <li key={index} class={step.verdict === 'decided' ? 'is-decided' : 'muted'}>
          <SafeText text={step.rule} /> {verdictWords[step.verdict] ?? step.verdict}
        </li>
      ))}
      {seen.at(-1)?.verdict !== 'decided' && <li class="is-decided">No rule decides, so it is refused.</li>}
    </ol>
  );
}

function Verdict({ verdict }: { readonly verdict: CallVerdict }) {
  const { verb, object } = toActionWords(verdict.action);
  const isRefused = verdict.effect === 'deny';
  return (
    <li class={`verdict ${isRefused ? 'is-refused' : ''}`}>
      <p>
        <span class={isRefused ? 'tone-refused' : 'tone-well'}>
          <Icon name={isRefused ? 'refused' : 'allowed'} size={12} /> <b>{isRefused ? 'refused' : 'allowed'}</b>
        </span>{' '}
        {verb} {object} <code class="muted">{verdict.action}</code> <span class="muted">by</span>{' '}
        <SafeText text={verdict.rule} />
      </p>
      {isRefused && (
        <p class="mono">
          <SafeText text={verdict.text} />
        </p>
      )}
      <details>
        <summary>Why</summary>
        <Why steps={verdict.steps} />
      </details>
    </li>
  );
}

interface Props {
  readonly rules: readonly AccessRule[];
  readonly seen: SeenValues | undefined;
}

/** The box. It judges by the draft, saved or not. */
export function TestBox({ rules, seen }: Props) {
  const [line, setLine] = useState('docker run -it --rm -v /:/host alpine sh');
  const [user, setUser] = useState('');
  const [group, setGroup] = useState('');
  const [host, setHost] = useState('');
  const calls: JudgedCall[] = parseDockerCommand(line).map((call) => ({
    ...call,
    user,
    hostname: host,
    groups: group
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  }));
  const key = JSON.stringify([calls, rules]);
  const { data, failure } = useResource(`test ${key}`, async (signal) =>
    calls.length === 0 ? [] : explainCalls(rules, calls, signal),
  );
  return (
    <section class="card test-box" aria-label="Test a command">
      <h2>Test a command</h2>
      <div class="test-fields">
        <label class="test-line">
          Command
          <input
            type="text"
            class="mono-field"
            spellcheck={false}
            autocapitalize="off"
            maxLength={4000}
            value={line}
            onInput={(event) => setLine(event.currentTarget.value)}
          />
        </label>
        <label>
          Person
          <input
            type="text"
            list="test-persons"
            placeholder="anybody"
            value={user}
            onInput={(event) => setUser(event.currentTarget.value)}
          />
        </label>
        <label>
          Groups
          <input
            type="text"
            placeholder="none"
            value={group}
            onInput={(event) => setGroup(event.currentTarget.value)}
          />
        </label>
        <label>
          Host
          <input
            type="text"
            list="test-hosts"
            placeholder="any"
            value={host}
            onInput={(event) => setHost(event.currentTarget.value)}
          />
        </label>
        <datalist id="test-persons">
          {seen?.users.slice(0, 100).map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <datalist id="test-hosts">
          {seen?.hosts.slice(0, 100).map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </div>
      <div aria-live="polite">
        {failure !== undefined ? (
          <p class="muted">{failure.message}</p>
        ) : calls.length === 0 ? (
          <p class="muted">Type a docker command that does something, for instance: docker exec -it db sh</p>
        ) : (
          <ul class="verdicts">
            {data?.map((verdict, index) => (
              <Verdict key={`${index} ${verdict.action}`} verdict={verdict} />
            ))}
          </ul>
        )}
      </div>
      <p class="muted">
        Judged by the rules as they stand on this page, saved or not. Compliance checks are not asked here.
      </p>
    </section>
  );
}
