// Takes everything that matches, not what is loaded, out of the Console: page by page, with progress and a way to stop.
import { useRef, useState } from 'preact/hooks';
import { isAbort, toShownFailure } from '../../api/client.ts';
import { eventsPath, loadEvents } from '../../api/events.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Icon } from '../../components/icon.tsx';
import { Menu } from '../../components/menu.tsx';
import { toCurlCommand } from '../../lib/curl-command.ts';
import { type ExportFormat, toExportHead, toExportLines } from '../../lib/event-export.ts';
import { formatCount } from '../../lib/format-time.ts';

const pageSize = 500;

function saveFile(parts: readonly BlobPart[], format: ExportFormat): void {
  const blob = new Blob([...parts], { type: format === 'csv' ? 'text/csv' : 'application/x-ndjson' });
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = `dockledger-events-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${format}`;
  anchor.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

interface Props {
  readonly params: () => URLSearchParams;
  /** How many rows match, when known. */
  readonly rows: number | undefined;
}

/** The export button with its panel. */
export function ExportMenu({ params, rows }: Props) {
  const [done, setDone] = useState<number | undefined>(undefined);
  const [problem, setProblem] = useState('');
  const running = useRef<AbortController | undefined>(undefined);
  const run = async (format: ExportFormat) => {
    const controller = new AbortController();
    running.current = controller;
    setProblem('');
    setDone(0);
    const parts: BlobPart[] = [toExportHead(format)];
    const asked = params();
    // A fixed end: otherwise events that arrive during the export would make it endless.
    if (!asked.has('to')) asked.set('to', new Date().toISOString());
    let cursor: string | undefined;
    let count = 0;
    try {
      do {
        const page = await loadEvents(asked, {
          limit: pageSize,
          signal: controller.signal,
          ...(cursor !== undefined && { cursor }),
        });
        parts.push(new Blob([toExportLines(format, page.events)]));
        count += page.events.length;
        setDone(count);
        cursor = page.events.length === 0 || page.nextCursor === '' ? undefined : page.nextCursor;
      } while (cursor !== undefined);
      saveFile(parts, format);
    } catch (error) {
      if (!isAbort(error)) setProblem(toShownFailure(error).message);
    } finally {
      setDone(undefined);
    }
  };
  return (
    <Menu
      title="Export"
      align="end"
      label={
        <>
          <Icon name="export" />
          <span class="wide-only">Export</span>
        </>
      }
    >
      {() => (
        <div class="export">
          <p class="muted">{rows === undefined ? 'All matching rows' : `All ${formatCount(rows)} matching rows`}</p>
          <button type="button" class="menu-item" disabled={done !== undefined} onClick={() => void run('csv')}>
            CSV for a spreadsheet
          </button>
          <button type="button" class="menu-item" disabled={done !== undefined} onClick={() => void run('ndjson')}>
            JSON, one event a line
          </button>
          {done !== undefined && (
            <div class="export-progress" role="status">
              <progress max={rows ?? 1} {...(rows !== undefined && { value: Math.min(done, rows) })} />
              {formatCount(done)} rows
              <button type="button" class="button" onClick={() => running.current?.abort()}>
                Stop
              </button>
            </div>
          )}
          {problem !== '' && <p role="alert">{problem}</p>}
          <hr />
          <CopyButton
            label="Copy as curl"
            icon="terminal"
            text={() => toCurlCommand(window.location.origin, eventsPath, params())}
          />
          <CopyButton label="Copy link" icon="link" text={() => window.location.href} />
        </div>
      )}
    </Menu>
  );
}
