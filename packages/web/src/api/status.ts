// The Console's own word on how it is, and the ledger's signed head.
import { ApiFailure, call, send } from './client.ts';

/** What the Console says of itself; every field may be missing in an older one. */
export interface ConsoleStatus {
  readonly version?: string;
  readonly ledgerSize?: number;
  readonly indexedSize?: number;
  readonly ledgerBytes?: number;
  /** Address of the guarded Docker socket on this machine, for instance `unix:///run/dockledger/docker.sock`. */
  readonly dockerProxy?: string;
  readonly conditions?: readonly { readonly name: string; readonly text: string; readonly fix?: string }[];
}

/** The Console's state. */
export function loadStatus(signal?: AbortSignal): Promise<ConsoleStatus> {
  return call('/api/dockledger/v1/status', signal === undefined ? {} : { signal });
}

/** A public file of the ledger by its path, for instance `checkpoint`; undefined while there is none. */
export async function loadLedgerFile(path: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    const response = await send(`/ledger/${path}`, signal === undefined ? {} : { signal });
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof ApiFailure && error.kind === 'not-found') return undefined;
    throw error;
  }
}

/** The signed head of the ledger as text; undefined while there is none. */
export async function loadCheckpoint(signal?: AbortSignal): Promise<string | undefined> {
  const bytes = await loadLedgerFile('checkpoint', signal);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
