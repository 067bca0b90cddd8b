// The keys and the search language, on one card.
import { useEffect, useRef } from 'preact/hooks';
import { fieldLabels, filterFields } from '../lib/event-filter.ts';
import { Icon } from './icon.tsx';

const keys: readonly [string, string][] = [
  ['/', 'Go to the search field'],
  ['j  k', 'Next and previous event'],
  ['Enter', 'Open the event'],
  ['Esc', 'Close what is open'],
  ['f', 'Only events of this person'],
  ['x', 'No events of this person'],
  ['l', 'Live on and off'],
  ['[  ]', 'Earlier and later by the length of the range'],
  ['?', 'This card'],
];

/** The card, closed by Escape, its button or a click beside it. */
export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="dialog help"
      aria-label="Keys and search"
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="dialog-head">
        <h2>Keys and search</h2>
        <button type="button" class="button button-quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      <div class="help-columns">
        <dl class="keys">
          {keys.map(([key, meaning]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
        <div>
          <p>
            <code>user:alice -hostname:ci-1 "free text"</code>
          </p>
          <p class="muted">
            A word searches all text. <code>field:value</code> asks one field, a minus before it excludes. Values of one
            field are alternatives; different fields must all hold.
          </p>
          <p class="muted">Click a value to add it to the filter, alt-click to exclude it.</p>
          <p class="help-fields">
            {filterFields.map((field) => (
              <span key={field} title={fieldLabels[field]}>
                <code>{field}</code>
              </span>
            ))}
          </p>
        </div>
      </div>
    </dialog>
  );
}
