// Copies a text and says so. Falls back to a selected field where the clipboard is not allowed (plain HTTP, old browsers).
import { useState } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'off-screen';
    document.body.append(field);
    field.select();
    const isDone = document.execCommand('copy');
    field.remove();
    return isDone;
  }
}

interface Props {
  readonly text: () => string;
  readonly label: string;
  readonly icon?: IconName;
}

/** The button. `text` is asked when it is pressed. */
export function CopyButton({ text, label, icon = 'copy' }: Props) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    setSaid((await copyText(text())) ? 'Copied' : 'Could not copy');
    window.setTimeout(() => setSaid(''), 1500);
  };
  return (
    <button type="button" class="button" onClick={() => void copy()}>
      <Icon name={said === '' ? icon : 'allowed'} />
      <span aria-live="polite">{said === '' ? label : said}</span>
    </button>
  );
}
