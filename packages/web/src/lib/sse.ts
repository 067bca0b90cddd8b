// Reads a server-sent event stream out of text chunks of any size. Comments and unknown fields are passed over.

/** One message: its event name (`message` when none was given), its data lines joined by `\n`, and its id. */
export interface ServerSentMessage {
  readonly event: string;
  readonly data: string;
  readonly id?: string;
}

/** Holds what is not complete yet between chunks. */
export interface SseParser {
  /** Takes the next chunk and gives the messages that it completed. A message cut off at the end of the stream is never given. */
  push(chunk: string): ServerSentMessage[];
}

function toMessage(lines: readonly string[]): ServerSentMessage | undefined {
  let event = 'message';
  let id: string | undefined;
  const data: string[] = [];
  for (const line of lines) {
    const match = /^(data|event|id)(?:: ?(.*))?$/su.exec(line);
    const value = match?.[2] ?? '';
    if (match?.[1] === 'data') data.push(value);
    else if (match?.[1] === 'event') event = value;
    else if (match?.[1] === 'id') id = value;
  }
  return data.length === 0 ? undefined : { event, data: data.join('\n'), ...(id !== undefined && { id }) };
}

/** Makes a parser at the beginning of a stream. */
export function createSseParser(): SseParser {
  let rest = '';
  let lines: string[] = [];
  return {
    push(chunk) {
      const messages: ServerSentMessage[] = [];
      // A lone CR at the end may be half of CRLF: it waits for the next chunk.
      const text = rest + chunk;
      const found = text.split(/\r\n|\n|\r(?!$)/u);
      rest = found.pop() ?? '';
      for (const line of found) {
        if (line !== '') {
          lines.push(line);
          continue;
        }
        const message = toMessage(lines);
        lines = [];
        if (message !== undefined) messages.push(message);
      }
      return messages;
    },
  };
}
