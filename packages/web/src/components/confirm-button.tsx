// A button for what cannot be undone: the first click asks, the second does it; leaving it takes the question back.
import { useState } from 'preact/hooks';

interface Props {
  readonly label: string;
  /** What the second click says, for instance "Remove alice?". */
  readonly question: string;
  readonly onConfirm: () => void;
}

/** The button. */
export function ConfirmButton({ label, question, onConfirm }: Props) {
  const [isAsking, setIsAsking] = useState(false);
  return (
    <button
      type="button"
      class={`button ${isAsking ? 'button-danger is-asking' : 'button-danger'}`}
      onBlur={() => setIsAsking(false)}
      onKeyDown={(event) => event.key === 'Escape' && setIsAsking(false)}
      onClick={() => {
        if (isAsking) onConfirm();
        setIsAsking(!isAsking);
      }}
    >
      {isAsking ? question : label}
    </button>
  );
}
