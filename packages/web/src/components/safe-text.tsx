// Shows text that others wrote: whole, harmless, and never reordering what stands beside it.
import { toTextParts } from '../lib/visible-text.ts';

/** The text with invisible characters as marked escapes, isolated from the direction of its surroundings. */
export function SafeText({ text }: { readonly text: string }) {
  const parts = toTextParts(text);
  const only = parts[0];
  if (parts.length === 1 && only !== undefined && !only.isEscape) return <bdi>{only.text}</bdi>;
  return (
    <bdi>
      {parts.map((part, index) =>
        part.isEscape ? (
          <span key={index} class="escape" title="A character that cannot be seen">
            {part.text}
          </span>
        ) : (
          part.text
        ),
      )}
    </bdi>
  );
}
