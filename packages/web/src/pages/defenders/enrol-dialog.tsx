// Enrolling a host: a token that works once, in the one line to paste there. The token is shown here and never again.
import { useEffect, useRef, useState } from 'preact/hooks';
import { toShownFailure } from '../../api/client.ts';
import { createEnrolmentToken, type EnrolmentTokenView } from '../../api/defenders.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Icon } from '../../components/icon.tsx';
import { toEnrolLine } from '../../lib/enrol-line.ts';
import { formatLength } from '../../lib/format-time.ts';
import { now } from '../../state/clock.ts';

const lifetimes: readonly [number, string][] = [
  [15, '15 minutes'],
  [60, '1 hour'],
  [1440, '1 day'],
];

function Line({ made }: { readonly made: EnrolmentTokenView }) {
  const line = toEnrolLine(window.location.origin, made.token);
  const leftMs = Date.parse(made.expiresAt) - now.value;
  return (
    <>
      <p>Paste this on the host, where Dockledger is installed:</p>
      <div class="paste-line">
        <code>{line}</code>
        <CopyButton label="Copy" text={() => line} />
      </div>
      <p class="muted">
        {leftMs > 0
          ? `The token enrols one host and works for another ${formatLength(leftMs)}. It is not shown again.`
          : 'The token has expired. Make another one.'}{' '}
        The host appears in the list by itself once its Defender runs.
      </p>
    </>
  );
}

/** The dialog. */
export function EnrolDialog({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [name, setName] = useState('');
  const [cluster, setCluster] = useState('');
  const [minutes, setMinutes] = useState(60);
  const [made, setMade] = useState<EnrolmentTokenView | undefined>(undefined);
  const [problem, setProblem] = useState('');
  useEffect(() => dialog.current?.showModal(), []);
  const make = async () => {
    setProblem('');
    try {
      setMade(await createEnrolmentToken({ validMinutes: minutes, name: name.trim(), cluster: cluster.trim() }));
    } catch (error) {
      setProblem(toShownFailure(error).message);
    }
  };
  return (
    <dialog ref={dialog} class="dialog form-dialog" aria-label="Enrol a host" onClose={onClose}>
      <div class="dialog-head">
        <h2>Enrol a host</h2>
        <button type="button" class="button button-quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      {made !== undefined ? (
        <Line made={made} />
      ) : (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            void make();
          }}
        >
          <div class="form-columns">
            <label>
              Name
              <input
                type="text"
                maxLength={100}
                placeholder="its host name"
                value={name}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            </label>
            <label>
              Cluster
              <input
                type="text"
                maxLength={256}
                placeholder="none"
                value={cluster}
                onInput={(event) => setCluster(event.currentTarget.value)}
              />
            </label>
          </div>
          <label>
            The token works for
            <select value={minutes} onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
              {lifetimes.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          {problem !== '' && (
            <div class="notice notice-refused" role="alert">
              <Icon name="failed" />
              <span>{problem}</span>
            </div>
          )}
          <p class="row-actions">
            <button type="submit" class="button button-primary">
              Make the line to paste
            </button>
          </p>
        </form>
      )}
    </dialog>
  );
}
