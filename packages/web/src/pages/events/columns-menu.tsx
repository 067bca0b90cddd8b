// Choosing and ordering columns, and how rows are drawn. Everything here is taste: it changes no question.
import { Icon } from '../../components/icon.tsx';
import { Menu } from '../../components/menu.tsx';
import { isFixedColumn, moveColumn, orderColumns, toShownColumns } from '../../lib/column-layout.ts';
import { prefer, taste } from '../../state/taste.ts';
import { columnLabels } from './event-columns.tsx';

function Columns() {
  const layout = taste.value;
  const { hiddenColumns } = layout;
  const shown = toShownColumns(layout);
  return (
    <>
      {orderColumns(layout.columnOrder).map((name) => {
        const place = shown.indexOf(name);
        const label = columnLabels[name];
        return (
          <div key={name} class="column-choice">
            <label>
              <input
                type="checkbox"
                disabled={isFixedColumn(name)}
                checked={place !== -1}
                onChange={(event) =>
                  prefer({
                    hiddenColumns: event.currentTarget.checked
                      ? hiddenColumns.filter((other) => other !== name)
                      : [...hiddenColumns, name],
                  })
                }
              />
              {label}
            </label>
            {([-1, 1] as const).map((steps) => (
              <button
                key={steps}
                type="button"
                class="column-move"
                aria-label={`Move ${label} ${steps === -1 ? 'left' : 'right'}`}
                title={steps === -1 ? 'Further left' : 'Further right'}
                disabled={place === -1 || shown[place + steps] === undefined}
                onClick={() => prefer({ columnOrder: moveColumn(layout, name, steps) })}
              >
                <Icon name={steps === -1 ? 'up' : 'down'} size={11} />
              </button>
            ))}
          </div>
        );
      })}
    </>
  );
}

/** The button with its panel. */
export function ColumnsMenu() {
  const { isFolding, isWrapping, showsFacets, density, columnOrder, columnWidths } = taste.value;
  const hasOwnLayout = columnOrder.length > 0 || Object.keys(columnWidths).length > 0;
  return (
    <Menu title="Columns and rows" align="end" label={<Icon name="columns" />}>
      {() => (
        <div class="checks">
          <Columns />
          {hasOwnLayout && (
            <button type="button" class="menu-item" onClick={() => prefer({ columnOrder: [], columnWidths: {} })}>
              Standard order and widths
            </button>
          )}
          <hr />
          <label>
            <input type="checkbox" checked={isFolding} onChange={() => prefer({ isFolding: !isFolding })} />
            Fold repeats
          </label>
          <label>
            <input type="checkbox" checked={isWrapping} onChange={() => prefer({ isWrapping: !isWrapping })} />
            Wrap long text
          </label>
          <label>
            <input
              type="checkbox"
              checked={density === 'compact'}
              onChange={() => prefer({ density: density === 'compact' ? 'normal' : 'compact' })}
            />
            Compact rows
          </label>
          <label class="wide-facets">
            <input type="checkbox" checked={showsFacets} onChange={() => prefer({ showsFacets: !showsFacets })} />
            Facets
          </label>
        </div>
      )}
    </Menu>
  );
}
