// Proofs and keys of the ledger over the native API: that an event is in the tree that was signed, that one tree extends another,
// that the event store agrees. What names places of entries is for readers without limits.
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { AccessEventsService } from '../access-events/access-events-service.ts';
import type { CompareStretch, RepairStretch } from '../access-events/store-agreement.ts';
import { signedInOf } from '../sessions/route-access.ts';
import type { ReadLedgerFile } from './ledger.routes.ts';
import type { Ledger } from './ledger.ts';
import { requireUnlimitedReader } from './unlimited-reader.ts';

const mayRead = { access: { permission: 'monitorAccessDocker', grant: 'read' } } as const;
const mayChange = { access: { permission: 'privilegedOperations', grant: 'write' }, audit: 'settings' } as const;

/** Hashes in base64, lowest first; `checkpoint` is the signed note that the proof leads to. */
export const InclusionProofBody = Type.Object({
  ledgerIndex: Type.Integer({ minimum: 0 }),
  size: Type.Integer({ minimum: 1 }),
  envelope: Type.String({ description: 'The leaf, base64; its hash is SHA-256(0x00 ‖ envelope)' }),
  proof: Type.Array(Type.String()),
  checkpoint: Type.String(),
});

/** Hashes in base64, in the order of RFC 6962. */
export const ConsistencyProofBody = Type.Object({
  from: Type.Integer({ minimum: 0 }),
  to: Type.Integer({ minimum: 0 }),
  proof: Type.Array(Type.String()),
  checkpoint: Type.String(),
});

/** Public keys, oldest first; the last one signs first. */
export const LedgerKeysBody = Type.Object({ origin: Type.String(), vkeys: Type.Array(Type.String()) });

/** One stretch of the comparison of ledger and event store. */
export const StoreAgreementBody = Type.Object({
  from: Type.Integer(),
  to: Type.Integer(),
  ledgerSize: Type.Integer(),
  indexedSize: Type.Integer(),
  differences: Type.Array(
    Type.Object({
      kind: Type.Union([Type.Literal('missing'), Type.Literal('changed'), Type.Literal('added')]),
      ledgerIndex: Type.Integer(),
      id: Type.String(),
      fields: Type.Optional(Type.Array(Type.String())),
    }),
  ),
});

/** What {@link addLedgerProofRoutes} needs. */
export interface LedgerProofParts {
  readonly ledger: Ledger;
  readonly readFile: ReadLedgerFile;
  readonly events: AccessEventsService;
  readonly compareStretch: CompareStretch;
  readonly repairStretch: RepairStretch;
}

/** Adds `events/:id/inclusion-proof` and `ledger/…` under the prefix of the native API. */
export function addLedgerProofRoutes(app: FastifyInstance, parts: LedgerProofParts): void {
  const { ledger, readFile, events, compareStretch, repairStretch } = parts;
  const { proofs } = ledger;

  /** The newest checkpoint and its size, read from what was published. */
  async function readCheckpoint(): Promise<{ note: string; size: number }> {
    const note = Buffer.from((await readFile('checkpoint')) ?? []).toString();
    return { note, size: Number(note.split('\n')[1]) };
  }

  app.get(
    '/events/:id/inclusion-proof',
    { config: mayRead, schema: { response: { 200: InclusionProofBody } } },
    async (request) => {
      const { id } = request.params as { id: string };
      const { scope } = signedInOf(request);
      const { ledgerIndex } = await events.event(id, scope);
      // A place in the ledger tells how many events there are that the reader may not see.
      if (scope !== null)
        throw new AppError(
          'forbidden',
          'Proofs name places in the ledger, which are for readers whom no collection limits.',
        );
      if (ledgerIndex >= proofs.publishedSize) await proofs.publishNow();
      const { note, size } = await readCheckpoint();
      const [entry] = await ledger.read(ledgerIndex, 1);
      return {
        ledgerIndex,
        size,
        envelope: Buffer.from(entry?.envelope ?? []).toString('base64'),
        proof: toBase64(await proofs.inclusionProof(ledgerIndex, size)),
        checkpoint: note,
      };
    },
  );

  app.get(
    '/ledger/consistency-proof',
    { config: { access: 'signed-in' }, schema: { response: { 200: ConsistencyProofBody } } },
    async (request) => {
      const { note, size } = await readCheckpoint();
      const to = wholeOf(request, 'to', size);
      const from = wholeOf(request, 'from', 0);
      if (from > to || to > size)
        throw new AppError('bad_parameter', `There is no proof from ${from} to ${to}: the signed size is ${size}.`);
      return { from, to, proof: toBase64(await proofs.consistencyProof(from, to)), checkpoint: note };
    },
  );

  app.get(
    '/ledger/keys',
    { config: { access: 'signed-in' }, schema: { response: { 200: LedgerKeysBody } } },
    async () => ({ origin: proofs.origin, vkeys: [...proofs.keyHistory()] }),
  );
  app.post('/ledger/rotate-key', { config: mayChange, schema: { response: { 200: LedgerKeysBody } } }, async () => {
    await proofs.rotateKey();
    return { origin: proofs.origin, vkeys: [...proofs.keyHistory()] };
  });
  app.post(
    '/ledger/retire-old-keys',
    { config: mayChange, schema: { response: { 200: LedgerKeysBody } } },
    async () => {
      await proofs.retireOldKeys();
      return { origin: proofs.origin, vkeys: [...proofs.keyHistory()] };
    },
  );

  async function overStretch(
    request: FastifyRequest,
    work: CompareStretch,
  ): Promise<Static<typeof StoreAgreementBody>> {
    requireUnlimitedReader(request);
    const limit = wholeOf(request, 'limit', 4000);
    if (limit < 1 || limit > 20_000)
      throw new AppError('bad_parameter', `Parameter limit is ${limit}: it must be an integer from 1 to 20000.`);
    const { differences, ...stretch } = await work(wholeOf(request, 'from', 0), limit);
    return {
      ...stretch,
      differences: differences.map(({ fields, ...rest }) => ({ ...rest, ...(fields && { fields: [...fields] }) })),
    };
  }
  const response = { 200: StoreAgreementBody };
  app.get('/ledger/store-agreement', { config: mayRead, schema: { response } }, (request) =>
    overStretch(request, compareStretch),
  );
  app.post('/ledger/store-repair', { config: mayChange, schema: { response } }, (request) =>
    overStretch(request, repairStretch),
  );
}

function wholeOf(request: FastifyRequest, name: string, byDefault: number): number {
  const text = (request.query as Readonly<Record<string, unknown>>)[name];
  if (text === undefined) return byDefault;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw new AppError('bad_parameter', `Parameter ${name} must be a whole number.`);
}

function toBase64(hashes: readonly Uint8Array[]): string[] {
  return hashes.map((hash) => Buffer.from(hash).toString('base64'));
}
