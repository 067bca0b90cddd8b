// The list as a real table that draws only the rows in view, whatever its length. It asks for older rows near its end and
// holds new ones back while the reader is not at its top.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { toShownColumns } from '../../lib/column-layout.ts';
import { toResult } from '../../lib/event-sentence.ts';
import type { RowGroup } from '../../lib/fold-repeats.ts';
import { taste } from '../../state/taste.ts';
import { ColumnHead } from './column-head.tsx';
import { toCell } from './event-columns.tsx';
import { query, select } from './query-state.ts';

const overscan = 12;
/** Below this width rows are cards. Matches the container query in events.css. */
const cardWidth = 560;

/** The id that a group is known by: its oldest event, which stays while newer ones join. */
export function toGroupId(group: RowGroup): string {
  return (group.events.at(-1) ?? group.events[0]).id;
}

interface Props {
  readonly groups: readonly RowGroup[];
  /** Grows when the reader asked for the newest rows: the table goes back to its top. */
  readonly topRequests?: number;
  /** How many rows are loaded, folded ones counted one by one. */
  readonly loadedRows: number;
  /** All rows that match, for screen readers; -1 while unknown. */
  readonly totalRows: number;
  readonly hasMore: boolean;
  readonly isStale: boolean;
  readonly activeId: string | undefined;
  readonly onActive: (id: string) => void;
  readonly onNearEnd: () => void;
  /** Told when new rows must wait: scrolled away from the top, or the pointer rests on the rows. */
  readonly onHold: (isHeld: boolean) => void;
  readonly onUnfold: (id: string) => void;
}

function useViewport() {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800, isCards: false });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const read = () => {
      const next = { top: element.scrollTop, height: element.clientHeight, isCards: element.clientWidth < cardWidth };
      setView((old) =>
        old.top === next.top && old.height === next.height && old.isCards === next.isCards ? old : next,
      );
    };
    const watcher = new ResizeObserver(read);
    watcher.observe(element);
    element.addEventListener('scroll', read, { passive: true });
    read();
    return () => {
      watcher.disconnect();
      element.removeEventListener('scroll', read);
    };
  }, []);
  return { box, view };
}

/** The table. */
export function EventTable(props: Props) {
  const { groups, activeId } = props;
  const { box, view } = useViewport();
  const isHovered = useRef(false);
  const { density, isWrapping, columnWidths } = taste.value;
  const columns = toShownColumns(taste.value);
  // Rows of one height keep scrolling exact: wrapped text gets three lines, and the detail shows what is longer.
  const rowHeight = view.isCards ? 74 : isWrapping ? 64 : density === 'compact' ? 22 : 28;
  const first = Math.max(0, Math.floor(view.top / rowHeight) - overscan);
  const last = Math.min(groups.length, Math.ceil((view.top + view.height) / rowHeight) + overscan);
  // A long run of repeats folds into one row however much is loaded: then the reader decides whether to go on.
  const mayLoadMore = props.loadedRows < 2000 + groups.length * 20;
  const tellHold = () => props.onHold(isHovered.current || (box.current?.scrollTop ?? 0) > 4);
  useEffect(tellHold, [view.top]);
  useEffect(() => {
    if (props.hasMore && last >= groups.length - 40 && mayLoadMore) props.onNearEnd();
  }, [last, groups.length, props.hasMore, props.loadedRows]);
  useLayoutEffect(() => {
    if (box.current !== null && (props.topRequests ?? 0) > 0) box.current.scrollTop = 0;
  }, [props.topRequests]);
  const activeIndex =
    activeId === undefined ? -1 : groups.findIndex((group) => group.events.some(({ id }) => id === activeId));
  useEffect(() => {
    const element = box.current;
    if (element === null || activeIndex === -1) return;
    const head = view.isCards ? 0 : 28;
    const top = activeIndex * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight + head > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + rowHeight + head - element.clientHeight;
    }
  }, [activeId]);
  const { selected } = query.value;
  return (
    <div
      class={`table-box ${props.isStale ? 'is-stale' : ''}`}
      ref={box}
      onMouseEnter={() => {
        isHovered.current = true;
        tellHold();
      }}
      onMouseLeave={() => {
        isHovered.current = false;
        tellHold();
      }}
    >
      <table
        class={`events ${isWrapping ? 'is-wrapping' : ''}`}
        aria-rowcount={props.totalRows}
        aria-label="Events, newest first"
      >
        <colgroup>
          {columns.map((name) => (
            <col
              key={name}
              class={`col-${name}`}
              {...(columnWidths[name] !== undefined && { style: { width: `${columnWidths[name]}px` } })}
            />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map((name) => (
              <ColumnHead key={name} name={name} />
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && (
            <tr class="spacer" aria-hidden="true">
              <td style={{ height: `${first * rowHeight}px` }} />
            </tr>
          )}
          {groups.slice(first, last).map((group, offset) => {
            const [event] = group.events;
            const isSelected = group.events.some(({ id }) => id === selected);
            const isActive = first + offset === activeIndex;
            return (
              <tr
                key={toGroupId(group)}
                data-id={event.id}
                aria-rowindex={first + offset + 2}
                aria-selected={isSelected}
                class={`row row-${toResult(event)} ${isActive ? 'is-active' : ''}`}
                onClick={() => {
                  props.onActive(event.id);
                  select(event.id);
                }}
              >
                {columns.map((name) => (
                  <td key={name} class={`col-${name}`}>
                    {name === 'what' && group.events.length > 1 && (
                      <button
                        type="button"
                        class="unfold"
                        tabIndex={-1}
                        title={`Unfold ${group.events.length} rows`}
                        onClick={(click) => {
                          click.stopPropagation();
                          props.onUnfold(toGroupId(group));
                        }}
                      >
                        ▸
                      </button>
                    )}
                    {name === 'time' ? (
                      <button type="button" class="open">
                        {toCell(name, group)}
                      </button>
                    ) : (
                      toCell(name, group)
                    )}
                  </td>
                ))}
              </tr>
            );
          })}
          {last < groups.length && (
            <tr class="spacer" aria-hidden="true">
              <td style={{ height: `${(groups.length - last) * rowHeight}px` }} />
            </tr>
          )}
        </tbody>
      </table>
      {props.hasMore ? (
        <p class="list-end muted" role="status">
          {mayLoadMore ? (
            'Loading older events…'
          ) : (
            <button type="button" class="button" onClick={props.onNearEnd}>
              Load older events
            </button>
          )}
        </p>
      ) : (
        groups.length > 0 && <p class="list-end muted">No older events in this range.</p>
      )}
    </div>
  );
}
