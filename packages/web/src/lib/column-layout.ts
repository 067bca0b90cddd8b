// The reader's layout of the events table: which columns, in which order, how wide. Pure; what was kept by an older page is repaired.

/** Columns of the events table, in their order until the reader changes it. `time` and `what` are always shown. */
export const columnNames = ['time', 'who', 'what', 'container', 'image', 'result', 'rule', 'host'] as const;

/** One of {@link columnNames}. */
export type ColumnName = (typeof columnNames)[number];

/** Least and most width in px. */
export const columnWidthBounds = { least: 56, most: 720 } as const;

/** The layout as it is kept. */
export interface ColumnLayout {
  readonly hiddenColumns: readonly ColumnName[];
  /** May lack names (new ones) and hold unknown ones (of another version). */
  readonly columnOrder: readonly string[];
  /** In px, of those that the reader resized. */
  readonly columnWidths: Readonly<Partial<Record<ColumnName, number>>>;
}

/** True for the columns that cannot be hidden. */
export function isFixedColumn(name: ColumnName): boolean {
  return name === 'time' || name === 'what';
}

/** All columns in the reader's order; those that the order does not name come where they stand by default. */
export function orderColumns(order: readonly string[]): ColumnName[] {
  const known = [...new Set(order)].filter((name): name is ColumnName => columnNames.some((other) => other === name));
  for (const [index, name] of columnNames.entries()) {
    if (!known.includes(name)) known.splice(Math.min(index, known.length), 0, name);
  }
  return known;
}

/** The columns to show, in order. */
export function toShownColumns({ hiddenColumns, columnOrder }: ColumnLayout): ColumnName[] {
  return orderColumns(columnOrder).filter((name) => isFixedColumn(name) || !hiddenColumns.includes(name));
}

/** The order with a column moved by `steps` among the shown ones. At the ends nothing changes. */
export function moveColumn(layout: ColumnLayout, name: ColumnName, steps: -1 | 1): ColumnName[] {
  const order = orderColumns(layout.columnOrder);
  const shown = toShownColumns(layout);
  const other = shown[shown.indexOf(name) + steps];
  return other === undefined ? order : putColumn(layout, name, other);
}

/** The order with a column put at the place of another. */
export function putColumn(layout: ColumnLayout, name: ColumnName, at: ColumnName): ColumnName[] {
  const order = orderColumns(layout.columnOrder);
  const place = order.indexOf(at);
  return order.filter((other) => other !== name).toSpliced(place, 0, name);
}

/** A width within the bounds, whole px. */
export function toColumnWidth(width: number): number {
  return Math.round(Math.min(columnWidthBounds.most, Math.max(columnWidthBounds.least, width)));
}
