import { describe, expect, it } from 'vitest';
import { anEvent } from '../../browser/sample-events.ts';
import { toCurlCommand } from './curl-command.ts';
import { toCsvCell, toExportHead, toExportLines } from './event-export.ts';

describe('an exported cell', () => {
  it('never begins a formula', () => {
    for (const text of ['=1+1', '+1', '-1', '@x', '\tx']) expect(toCsvCell(text)).toMatch(/^"?'/u);
  });

  it('is quoted when it holds a comma, a quote or a line break', () => {
    expect(toCsvCell('a,"b"\nc')).toBe('"a,""b""\nc"');
  });
});

describe('an exported file', () => {
  it('has as many cells in each line as its head has names', () => {
    const names = toExportHead('csv').trimEnd().split(',');
    const cells = toExportLines('csv', [anEvent(1, 0)])
      .trimEnd()
      .split(',');
    expect(cells).toHaveLength(names.length);
    expect(cells[names.indexOf('user')]).toBe('alice');
  });

  it('holds whole events in JSON, one a line', () => {
    const event = anEvent(1, 0, { raw: 'two\nlines' });
    expect(JSON.parse(toExportLines('ndjson', [event]).trimEnd())).toEqual(event);
  });
});

describe('the curl line', () => {
  it('survives quotes in a value and never holds a token', () => {
    const line = toCurlCommand('https://c:8083', '/api/x', new URLSearchParams({ user: "o'neil" }));
    expect(line).toBe(`curl --cacert ca.pem -H "Authorization: Bearer $TOKEN" 'https://c:8083/api/x?user=o%27neil'`);
  });
});
