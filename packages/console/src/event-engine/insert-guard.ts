// Keeps inserted data from becoming SQL. The engine ends the data of an INSERT at a blank line and runs what follows as statements,
// so every line must begin and end a JSON object. What follows a row on its own line the engine itself refuses (tried; it is a test).
const newline = 0x0a;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Why the payload may not reach the engine, or undefined when every line is one JSON object. A last line break is allowed. */
export function insertPayloadFault(payload: Buffer): string | undefined {
  let start = 0;
  let row = 0;
  while (start < payload.length) {
    row += 1;
    const found = payload.indexOf(newline, start);
    const end = found === -1 ? payload.length : found;
    if (payload[start] !== openBrace || payload[end - 1] !== closeBrace)
      return `row ${row} is not one JSON object on one line`;
    start = end + 1;
  }
  return row === 0 ? 'there are no rows' : undefined;
}
