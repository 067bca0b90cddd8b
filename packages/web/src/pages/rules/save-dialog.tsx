// The diff before saving: what would change, what it would have done last week, what to look at twice, and a note on why.
import type { AccessRule } from '@dockledger/contract';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiFailure } from '../../api/client.ts';
import { Icon } from '../../components/icon.tsx';
import { diffRules, hasCatchAll } from '../../lib/rule-list.ts';
import { RuleDiff } from './rule-diff.tsx';
import { ChangeEffect } from './rule-reach.tsx';
import type { KnownTrial } from './use-rule-trial.ts';

interface Props {
  readonly before: readonly AccessRule[];
  readonly after: readonly AccessRule[];
  readonly failure: ApiFailure | undefined;
  readonly isSaving: boolean;
  readonly trial: KnownTrial;
  readonly onSave: (note: string) => void;
  /** Takes the rules that somebody else saved as the base of the diff; the draft stays. */
  readonly onRebase: () => void;
  readonly onClose: () => void;
}

/** The dialog. */
export function SaveDialog({ before, after, failure, isSaving, trial, onSave, onRebase, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [note, setNote] = useState('');
  useEffect(() => dialog.current?.showModal(), []);
  const changes = diffRules(before, after);
  return (
    <dialog ref={dialog} class="dialog" aria-label="Changes to the rules" onClose={onClose}>
      <div class="dialog-head">
        <h2>{changes.length === 1 ? 'One change' : `${changes.length} changes`}</h2>
        <button type="button" class="button button-quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      {failure?.kind === 'conflict' ? (
        <div class="notice notice-refused" role="alert">
          <Icon name="failed" />
          <span>Somebody else saved the rules after you opened them. Nothing of yours was saved or lost.</span>
          <button type="button" class="button" onClick={onRebase}>
            Compare with theirs
          </button>
        </div>
      ) : (
        failure !== undefined && (
          <div class="notice notice-refused" role="alert">
            <Icon name="failed" />
            <span>{failure.message}</span>
          </div>
        )
      )}
      {!hasCatchAll(after) && (
        <div class="notice notice-warn">
          <Icon name="failed" />
          <span>No rule catches what the others leave open: whatever matches none is refused, on every host.</span>
        </div>
      )}
      <RuleDiff changes={changes} />
      <h3 class="dialog-part">What this would have changed last week</h3>
      <ChangeEffect known={trial} />
      <label class="dialog-part">
        Note <span class="muted">why; kept in the history</span>
        <input type="text" maxLength={2000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
      <p class="row-actions">
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          Go on editing
        </button>
        <button
          type="button"
          class="button button-primary"
          disabled={isSaving || changes.length === 0 || failure?.kind === 'conflict'}
          onClick={() => onSave(note.trim())}
        >
          {isSaving ? 'Saving…' : 'Save and put in force'}
        </button>
      </p>
    </dialog>
  );
}
