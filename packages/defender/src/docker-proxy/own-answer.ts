// Answers that the guard gives by itself, in the engine's form: `{"message":"…"}`.
// Invariant: nothing the client sent is echoed but what the caller of these functions put into the message.

const reasonPhrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Request Entity Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};

/** What tells a client that its body is welcome. */
export const continueAnswer = 'HTTP/1.1 100 Continue\r\n\r\n';

/** Form of an answer of ours. */
export interface OwnAnswerOptions {
  readonly status: number;
  readonly message: string;
  /** Says that the connection ends. */
  readonly closes: boolean;
  /** The request was a HEAD: length as for a GET, no body. */
  readonly isHead: boolean;
}

/** A whole answer, ready to be written. */
export function formatOwnAnswer(options: OwnAnswerOptions): Buffer {
  const body = Buffer.from(`${JSON.stringify({ message: options.message })}\n`);
  const head =
    `HTTP/1.1 ${options.status} ${reasonPhrases[options.status] ?? 'Error'}\r\n` +
    `Content-Type: application/json\r\nServer: Dockledger\r\nContent-Length: ${body.length}\r\n` +
    `${options.closes ? 'Connection: close\r\n' : ''}\r\n`;
  return options.isHead ? Buffer.from(head) : Buffer.concat([Buffer.from(head), body]);
}
