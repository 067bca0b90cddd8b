// A field for a list of names or patterns, separated by commas. Nothing typed means everything.
import { useState } from 'preact/hooks';
import { parseList } from '../../lib/rule-list.ts';

interface Props {
  readonly label: string;
  readonly note: string;
  readonly values: readonly string[] | undefined;
  /** Offered while typing. Defaults to none. */
  readonly offers?: readonly string[];
  readonly onChange: (values: string[]) => void;
}

/** The field. What is typed stays as it is while it says the same as `values`. */
export function ListField({ label, note, values, offers, onChange }: Props) {
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
