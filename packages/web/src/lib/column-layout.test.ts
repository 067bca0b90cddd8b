import { describe, expect, it } from 'vitest';
import {
  type ColumnLayout,
  columnNames,
  moveColumn,
  orderColumns,
  putColumn,
  toShownColumns,
} from './column-layout.ts';

const layout = (change: Partial<ColumnLayout> = {}): ColumnLayout => ({
  hiddenColumns: [],
  columnOrder: [],
  columnWidths: {},
  ...change,
});

describe('the layout of the events table', () => {
  it('shows all columns in their order until the reader changes it', () => {
    expect(toShownColumns(layout())).toEqual([...columnNames]);
  });

  it('moves a column past its shown neighbour, whatever is hidden between', () => {
    const columnOrder = moveColumn(layout({ hiddenColumns: ['image'] }), 'result', -1);
    const shown = toShownColumns(layout({ hiddenColumns: ['image'], columnOrder }));
    expect(shown).toEqual(['time', 'who', 'what', 'result', 'container', 'rule', 'host']);
  });

  it('puts a dragged column at the place of the one it is dropped on, in both directions', () => {
    expect(putColumn(layout(), 'host', 'who').slice(0, 3)).toEqual(['time', 'host', 'who']);
    expect(putColumn(layout(), 'who', 'image').slice(0, 5)).toEqual(['time', 'what', 'container', 'image', 'who']);
  });

  it('does nothing at the ends', () => {
    expect(moveColumn(layout(), 'time', -1)).toEqual([...columnNames]);
    expect(moveColumn(layout(), 'host', 1)).toEqual([...columnNames]);
  });

  it('repairs what another version kept: unknown names go, missing ones come', () => {
    expect(orderColumns(['host', 'colour', 'time', 'host']).toSorted()).toEqual([...columnNames].toSorted());
    expect(orderColumns(['host', 'colour', 'time'])[0]).toBe('host');
  });

  it('never hides time and what', () => {
    expect(toShownColumns(layout({ hiddenColumns: [...columnNames] }))).toEqual(['time', 'what']);
  });
});
