// The head of one column: its name, dragged to reorder, with an edge that is dragged (or moved by the arrow keys) to resize.
import { useRef, useState } from 'preact/hooks';
import { type ColumnName, columnWidthBounds, putColumn, toColumnWidth } from '../../lib/column-layout.ts';
import { prefer, taste } from '../../state/taste.ts';
import { columnLabels } from './event-columns.tsx';

const keyStep = 16;

function setWidth(name: ColumnName, width: number | undefined): void {
  const { [name]: _, ...others } = taste.value.columnWidths;
  prefer({ columnWidths: width === undefined ? others : { ...others, [name]: toColumnWidth(width) } });
}

/** The name that is dragged; one drag at a time on a page. */
let dragged: ColumnName | undefined;

/** The head. Only drawn where rows are not cards. */
export function ColumnHead({ name }: { readonly name: ColumnName }) {
  const head = useRef<HTMLTableCellElement>(null);
  const [isOver, setIsOver] = useState(false);
  const current = () => head.current?.getBoundingClientRect().width ?? columnWidthBounds.least;
  const label = columnLabels[name];
  return (
    <th
      ref={head}
      scope="col"
      class={`col-${name} ${isOver ? 'is-drop' : ''}`}
      draggable
      onDragStart={() => {
        dragged = name;
      }}
      onDragOver={(event) => {
        if (dragged === undefined || dragged === name) return;
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setIsOver(false);
        if (dragged !== undefined) prefer({ columnOrder: putColumn(taste.value, dragged, name) });
        dragged = undefined;
      }}
    >
      {label}
      <span
        class="resizer"
        role="separator"
        aria-orientation="vertical"
        aria-label={`Width of ${label}`}
        aria-valuenow={Math.round(taste.value.columnWidths[name] ?? current())}
        aria-valuemin={columnWidthBounds.least}
        aria-valuemax={columnWidthBounds.most}
        tabIndex={0}
        draggable
        onDragStart={(event) => {
          event.preventDefault();
          event.stopPropagation();
        }}
        title="Drag, or use the arrow keys; double-click for the standard width"
        onDblClick={() => setWidth(name, undefined)}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
          event.preventDefault();
          event.stopPropagation();
          setWidth(name, current() + (event.key === 'ArrowLeft' ? -keyStep : keyStep));
        }}
        onPointerDown={(event) => {
          event.preventDefault();
          const from = { x: event.clientX, width: current() };
          const edge = event.currentTarget;
          edge.setPointerCapture(event.pointerId);
          const onMove = (move: PointerEvent) => setWidth(name, from.width + move.clientX - from.x);
          edge.addEventListener('pointermove', onMove);
          edge.addEventListener('lostpointercapture', () => edge.removeEventListener('pointermove', onMove), {
            once: true,
          });
        }}
      />
    </th>
  );
}
