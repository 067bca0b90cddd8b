// Audits as CSV: one header row, the 17 fields in wire order, RFC 4180 quoting. Cells are safe to open in a spreadsheet.
import { type CompatibleRecord, compatibleFields } from '@dockledger/contract';

/** Excel takes 32,767 characters a cell; ten are kept for the count of what was cut. */
export const longestCell = 32_757;

/** The header row. */
export const csvHeader = `${compatibleFields.join(',')}\r\n`;

/** One row, with its line end. */
export function toCsvRow(record: CompatibleRecord): string {
  return `${compatibleFields.map((field) => toCell(toText(record[field]))).join(',')}\r\n`;
}

function toText(value: CompatibleRecord[keyof CompatibleRecord]): string {
  if (value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.join(',');
  return Object.entries(value)
    .map(([key, label]) => `${key}:${label}`)
    .join(',');
}

/** One cell: cut to what a spreadsheet takes, never a formula, quoted where needed. */
export function toCell(text: string): string {
  // A leading apostrophe makes spreadsheets read the cell as text. Tab and line ends count: some skip them before a formula.
  const safe = /^[\s]*[=+\-@]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  const cut = cutCell(safe);
  return /[",\r\n]/.test(cut) ? `"${cut.replaceAll('"', '""')}"` : cut;
}

function cutCell(text: string): string {
  if (text.length <= longestCell) return text;
  let end = longestCell;
  // Never half of a surrogate pair.
  if (/[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end--;
  return `${text.slice(0, end)}…+${text.length - end}`;
}
