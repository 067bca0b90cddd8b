// The ledger's public files over HTTPS, as C2SP tlog-tiles lays them out, so that anybody's verifier can be pointed at /ledger.
// Hashes and checkpoints are for whoever is signed in; entry bundles name events, so they are for readers without limits.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { requireUnlimitedReader } from './unlimited-reader.ts';

/** Gives a public file of the ledger by its path, or undefined. */
export type ReadLedgerFile = (path: string) => Promise<Uint8Array | undefined>;

const index = '(?:x\\d{3}/)*\\d{3}(?:\\.p/\\d{1,3})?';
const textFile = /^(?:checkpoint|vkeys?)$/;
const hashTile = new RegExp(`^tile/\\d{1,2}/${index}$`);
const entryBundle = new RegExp(`^tile/entries/${index}$`);

/** Adds `/ledger/…` at the root. */
export function addLedgerRoutes(app: FastifyInstance, readFile: ReadLedgerFile): void {
  app.get('/ledger/*', { config: { access: 'signed-in' } }, async (request, reply) => {
    const path = (request.params as { '*': string })['*'];
    const isText = textFile.test(path);
    if (entryBundle.test(path)) requireUnlimitedReader(request);
    else if (!isText && !hashTile.test(path)) throw notFound();
    const bytes = await readFile(path);
    if (bytes === undefined) throw notFound();
    // What a signed size covers never changes; a partial tile is replaced by a wider one of another name.
    if (!isText) void reply.header('cache-control', 'private, max-age=31536000, immutable');
    return reply.type(isText ? 'text/plain; charset=utf-8' : 'application/octet-stream').send(Buffer.from(bytes));
  });
}

function notFound(): AppError {
  return new AppError('not_found', 'The ledger has no such file.');
}
