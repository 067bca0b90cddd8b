// A form in a dialog: fields, a sentence when saving failed, and two buttons. It stays open until saving has worked.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { toShownFailure } from '../api/client.ts';
import { Icon } from './icon.tsx';

interface Props {
  readonly title: string;
  /** What the button that saves says. Defaults to "Save". */
  readonly action?: string;
  readonly children: ComponentChildren;
  /** Saves; what it throws is shown and the dialog stays. */
  readonly onSave: () => Promise<void>;
  readonly onClose: () => void;
}

/** The dialog, open while it is shown. */
export function FormDialog({ title, action = 'Save', children, onSave, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState('');
  useEffect(() => dialog.current?.showModal(), []);
  const save = async () => {
    setIsBusy(true);
    setProblem('');
    try {
      await onSave();
      dialog.current?.close();
    } catch (error) {
      setProblem(toShownFailure(error).message);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <dialog ref={dialog} class="dialog form-dialog" aria-label={title} onClose={onClose}>
      <div class="dialog-head">
        <h2>{title}</h2>
        <button type="button" class="button button-quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {children}
        {problem !== '' && (
          <div class="notice notice-refused" role="alert">
            <Icon name="failed" />
            <span>{problem}</span>
          </div>
        )}
        <p class="row-actions">
          <button type="submit" class="button button-primary" disabled={isBusy}>
            {action}
          </button>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </p>
      </form>
    </dialog>
  );
}
