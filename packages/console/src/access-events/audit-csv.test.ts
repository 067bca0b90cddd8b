import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvHeader, longestCell, toCell, toCsvRow } from './audit-csv.ts';

const record = {
  containerName: '/db',
  imageName: 'postgres:17',
  user: 'alice',
  type: 'docker',
  time: '2026-11-23T10:00:00.000Z',
  hostname: 'web-1',
  fqdn: '',
  sourceIP: '',
  allow: true,
  ruleName: 'r',
  api: 'container_list',
  msg: '',
  collections: ['All', 'web'],
  accountID: '',
  cluster: '',
  namespace: '',
  labels: { tier: 'data' },
};

/** Reads one CSV row as RFC 4180 says. */
function parseRow(row: string): string[] {
  const cells: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/gy;
  for (let match = cell.exec(row); match !== null; match = cell.exec(row)) {
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] !== ',') break;
  }
  return cells;
}

describe('CSV of audits', () => {
  it('has the 17 fields as header and a row with as many cells', () => {
    expect(csvHeader).toBe(
      'containerName,imageName,user,type,time,hostname,fqdn,sourceIP,allow,ruleName,api,msg,collections,accountID,cluster,namespace,labels\r\n',
    );
    expect(toCsvRow(record)).toBe(
      '/db,postgres:17,alice,docker,2026-11-23T10:00:00.000Z,web-1,,,TRUE,r,container_list,,"All,web",,,,tier:data\r\n',
    );
  });

  it('keeps every cell in its place whatever it holds, and none can begin a formula', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (msg, user) => {
        const cells = parseRow(toCsvRow({ ...record, msg, user }));
        expect(cells).toHaveLength(17);
        expect(cells[2]?.replace(/^'/, '')).toBe(user.replace(/^'/, ''));
        for (const cell of cells) expect(cell).not.toMatch(/^\s*[=+\-@]/);
      }),
    );
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =cmd|x', '\r=1'])('disarms %j', (text) => {
    expect(parseRow(toCell(text))[0]).toBe(`'${text}`);
  });

  it('cuts a long cell at 32,757 characters and counts the rest', () => {
    const cell = toCell('x'.repeat(40_000));
    expect(cell).toBe(`${'x'.repeat(longestCell)}…+${40_000 - longestCell}`);
    expect(cell.length).toBeLessThanOrEqual(32_767);
    const emoji = toCell('😀'.repeat(20_000));
    expect(emoji.isWellFormed()).toBe(true);
  });
});
