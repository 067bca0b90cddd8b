// The integrity badge of an event: proven here and now by this browser, or why not. Never green by default.
import type { StoredAccessEvent } from '@dockledger/contract';
import { useEffect } from 'preact/hooks';
import { toShownFailure } from '../../api/client.ts';
import { loadEvidence } from '../../api/events.ts';
import { loadLedgerFile } from '../../api/status.ts';
import { Icon } from '../../components/icon.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { type EventProof, proveEvent } from '../../lib/event-proof.ts';
import { formatCount } from '../../lib/format-time.ts';
import { useResource } from '../../state/resource.ts';

/** While the newest head does not cover the event yet. */
const retryMs = 2000;

type Checked = EventProof | { readonly state: 'gone' };

async function check(event: StoredAccessEvent, signal: AbortSignal): Promise<Checked> {
  try {
    return await proveEvent(event, await loadEvidence(event.id, signal), (path) => loadLedgerFile(path, signal));
  } catch (error) {
    const failure = toShownFailure(error);
    if (failure.kind === 'not-found') return { state: 'gone' };
    if (failure.status !== 0 || failure.kind === 'offline') throw error;
    // Anything that the verifier itself refuses: a malformed note, a wrong signature, a missing tile.
    return { state: 'broken', reason: failure.message };
  }
}

/** Proves again for each event shown; asks again while the event is newer than the signed head. */
export function ProofBadge({ event }: { readonly event: StoredAccessEvent }) {
  const proof = useResource(`proof ${event.id}`, async (signal) => ({
    id: event.id,
    checked: await check(event, signal),
  }));
  const checked = proof.data?.id === event.id ? proof.data.checked : undefined;
  const isTooNew = checked?.state === 'too-new';
  useEffect(() => {
    if (!isTooNew) return undefined;
    const timer = window.setInterval(proof.reload, retryMs);
    return () => window.clearInterval(timer);
  }, [isTooNew, event.id]);
  if (checked === undefined) {
    return (
      <p class="proof muted">
        {proof.failure === undefined ? 'Checking the proof…' : `Proof not checked: ${proof.failure.message}`}
      </p>
    );
  }
  if (checked.state === 'proven') {
    return (
      <p class="proof tone-well" title={`Signed by ${checked.signers.join(', ')}`}>
        <Icon name="shield" size={13} /> Proven: entry {formatCount(event.ledgerIndex)} of the ledger signed at{' '}
        {formatCount(checked.size)}
      </p>
    );
  }
  if (checked.state === 'too-new') return <p class="proof muted">In the ledger; the next signed head will cover it.</p>;
  if (checked.state === 'gone') return <p class="proof muted">Not checked: the ledger gives no content for it.</p>;
  return (
    <p class="proof proof-broken" role="alert">
      <Icon name="failed" size={13} /> Not proven: <SafeText text={checked.reason} />. Treat this event as altered and
      run <code>dockledger verify</code>.
    </p>
  );
}
