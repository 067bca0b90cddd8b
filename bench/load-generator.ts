// Sends one request over and over on keep-alive unix sockets and prints the latencies' summary as JSON.
// A process of its own, so that it shares no event loop with what it measures. Arguments: socket, path, connections, milliseconds.
import { connect } from 'node:net';

const [socketPath = '', path = '/_ping', connections = '1', durationMs = '1000'] = process.argv.slice(2);
const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: docker\r\nUser-Agent: dockledger-bench\r\n\r\n`);
const latenciesUs: number[] = [];
const warmUpMs = 150;
const startedAt = performance.now();
const measureFrom = startedAt + warmUpMs;
const measureTo = measureFrom + Number(durationMs);

/** True when `answer` is a whole HTTP answer. There is no pipelining, so a chunked one ends with its last bytes. */
function isWhole(answer: Buffer): boolean {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const head = answer.latin1Slice(0, headEnd);
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(`unexpected answer: ${head.slice(0, 200)}`);
  const length = /\r\nContent-Length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) return answer.length >= headEnd + 4 + Number(length);
  return answer.latin1Slice(answer.length - 5) === '0\r\n\r\n';
}

function drive(): Promise<void> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.allocUnsafeSlow(256 * 1024);
    let received: Buffer | undefined;
    let sentAt = 0;
    const socket = connect({
      path: socketPath,
      onread: {
        buffer,
        callback: (length) => {
          const chunk = buffer.subarray(0, length);
          const answer = received === undefined ? chunk : Buffer.concat([received, chunk]);
          if (!isWhole(answer)) {
            received = Buffer.from(answer);
            return true;
          }
          received = undefined;
          const now = performance.now();
          if (sentAt >= measureFrom && now <= measureTo) latenciesUs.push((now - sentAt) * 1000);
          if (now > measureTo) {
            socket.destroy();
            resolve();
            return false;
          }
          sentAt = now;
          socket.write(request);
          return true;
        },
      },
    });
    socket.on('connect', () => {
      sentAt = performance.now();
      socket.write(request);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

declare global {
  interface Buffer {
    latin1Slice(start?: number, end?: number): string;
  }
}

await Promise.all(Array.from({ length: Number(connections) }, drive));
latenciesUs.sort((a, b) => a - b);
const at = (share: number) =>
  latenciesUs[Math.min(latenciesUs.length - 1, Math.floor(latenciesUs.length * share))] ?? 0;
console.log(
  JSON.stringify({
    requests: latenciesUs.length,
    rps: (latenciesUs.length * 1000) / Number(durationMs),
    p50Us: at(0.5),
    p99Us: at(0.99),
  }),
);
