// The Evidence page: one sentence of assurance that is computed from what the Console answers, then the facts it rests on.
import { loadDefenders } from '../../api/defenders.ts';
import { loadCount, loadEvents } from '../../api/events.ts';
import { loadCheckpoint, loadStatus } from '../../api/status.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Link } from '../../components/link.tsx';
import { FailureNotice, Skeleton } from '../../components/notice.tsx';
import { PageHead } from '../../components/page-head.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { parseCheckpoint } from '../../lib/checkpoint.ts';
import { toTerm } from '../../lib/event-filter.ts';
import { toEventsHref, toWholeParams } from '../../lib/events-query.ts';
import { formatBytes, formatCount, formatInstant } from '../../lib/format-time.ts';
import { useResource } from '../../state/resource.ts';
import { taste } from '../../state/taste.ts';

const refreshMs = 5000;

async function loadEvidence(signal: AbortSignal) {
  const gapFilter = new URLSearchParams({ type: 'gap' });
  const [status, checkpoint, count, gaps, defenders] = await Promise.all([
    loadStatus(signal),
    loadCheckpoint(signal),
    loadCount(toWholeParams(), signal),
    loadEvents(gapFilter, { limit: 20, signal }),
    loadDefenders(signal),
  ]);
  return { status, checkpoint, count, gaps: gaps.events, hasMoreGaps: gaps.nextCursor !== undefined, defenders };
}

type Evidence = Awaited<ReturnType<typeof loadEvidence>>;

function plural(count: number, one: string): string {
  return `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;
}

function toAssurance({ status, count, gaps, hasMoreGaps, defenders, checkpoint }: Evidence): string {
  const size = status.ledgerSize ?? 0;
  const kept = `${plural(size, 'record')} in the ledger from ${plural(defenders.length, 'Defender')}, ${plural(count.total, 'call')} on hosts`;
  const missing =
    gaps.length === 0
      ? 'no gap is declared'
      : `${hasMoreGaps ? 'more than ' : ''}${plural(gaps.length, 'gap')} declared`;
  const lag = size - (status.indexedSize ?? size);
  const index = lag <= 0 ? 'the list shows all of them' : `${plural(lag, 'record')} on the way into the list`;
  const head = checkpoint === undefined ? 'no signed head yet' : 'the head is signed';
  return `${kept}; ${missing}; ${index}; ${head}.`;
}

function Head({ text, size }: { readonly text: string | undefined; readonly size: number }) {
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text);
  if (text === undefined || checkpoint === undefined) {
    return <p class="muted">This Console has not signed a head of its ledger yet.</p>;
  }
  return (
    <>
      <dl class="facts">
        <div class="field">
          <dt>Origin</dt>
          <dd>
            <SafeText text={checkpoint.origin} />
          </dd>
        </div>
        <div class="field">
          <dt>Size</dt>
          <dd>
            {formatCount(checkpoint.size)}
            {size > checkpoint.size && <span class="muted note"> {formatCount(size - checkpoint.size)} newer</span>}
          </dd>
        </div>
        <div class="field">
          <dt>Root hash</dt>
          <dd>{checkpoint.rootHash}</dd>
        </div>
        <div class="field">
          <dt>Signed by</dt>
          <dd>
            <SafeText text={checkpoint.signers.join(', ')} />
          </dd>
        </div>
      </dl>
      <p class="row-actions">
        <CopyButton label="Copy the head" text={() => text} />
      </p>
      <p class="muted">Keep a copy somewhere else: a ledger that was changed or cut off can never match it again.</p>
    </>
  );
}

function Gaps({ gaps }: { readonly gaps: Evidence['gaps'] }) {
  if (gaps.length === 0) return <p class="muted">None. Every number that a Defender gave is here.</p>;
  return (
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Host</th>
          <th scope="col">What is missing</th>
        </tr>
      </thead>
      <tbody>
        {gaps.map((gap) => (
          <tr key={gap.id}>
            <td class="mono">
              <Link href={toEventsHref({ filter: [], range: { kind: 'all' }, selected: gap.id })}>
                {formatInstant(Date.parse(gap.time), taste.value.zone)}
              </Link>
            </td>
            <td class="mono">
              <SafeText text={gap.host.hostname} />
            </td>
            <td>
              <SafeText text={gap.decision.text === '' ? gap.api : gap.decision.text} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The page. */
export function EvidencePage() {
  const { data, failure, retryAtMs, reload } = useResource('evidence', loadEvidence, { everyMs: refreshMs });
  return (
    <div class="page">
      <PageHead title="Evidence">
        What the record holds, and how anybody can check that nothing was changed or left out.
      </PageHead>
      {failure !== undefined && <FailureNotice failure={failure} retryAtMs={retryAtMs} onRetry={reload} />}
      {data === undefined && failure === undefined && <Skeleton />}
      {data !== undefined && (
        <>
          <p class="assurance">{toAssurance(data)}</p>
          <div class="cards">
            <section class="card">
              <h2>Signed head</h2>
              <Head text={data.checkpoint} size={data.status.ledgerSize ?? 0} />
            </section>
            <section class="card">
              <h2>Check it yourself</h2>
              <p class="muted">
                The ledger is plain files in an open format. On the server, or on a copy of the files:
              </p>
              <div class="paste-line">
                <code>dockledger verify --json</code>
                <CopyButton label="Copy" text={() => 'dockledger verify --json'} />
              </div>
              <dl class="facts">
                <div class="field">
                  <dt>Who read what</dt>
                  <dd class="prose">
                    <Link href={toEventsHref({ filter: [toTerm('type', 'console')] })}>
                      Sign-ins, reads and changes
                    </Link>
                  </dd>
                </div>
                <div class="field">
                  <dt>Records</dt>
                  <dd>{formatCount(data.status.ledgerSize ?? 0)}</dd>
                </div>
                {data.status.ledgerBytes !== undefined && (
                  <div class="field">
                    <dt>On disk</dt>
                    <dd>{formatBytes(data.status.ledgerBytes)}</dd>
                  </div>
                )}
              </dl>
            </section>
          </div>
          <section class="card">
            <h2>
              Gaps{' '}
              {data.hasMoreGaps && (
                <Link href={toEventsHref({ filter: [toTerm('type', 'gap')], range: { kind: 'all' } })}>
                  all of them
                </Link>
              )}
            </h2>
            <Gaps gaps={data.gaps} />
          </section>
        </>
      )}
    </div>
  );
}
