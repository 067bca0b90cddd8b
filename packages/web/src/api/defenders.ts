// The hosts that are watched and how they are.
import type { Condition, Host, StatusReport } from '@dockledger/contract';
import { call } from './client.ts';

/** One Defender as the Console knows it. Optional facts are unknown while it has never reported them. */
export interface DefenderView {
  readonly defenderId: string;
  readonly host: Partial<Host>;
  readonly version?: string;
  readonly epoch?: number;
  /** Connected means: heard from within the last half minute. */
  readonly isConnected: boolean;
  readonly lastSeenAt?: string;
  readonly backlog?: number;
  readonly conditions: readonly Condition[];
  readonly engine?: StatusReport['engine'];
  readonly rulesVersion?: number;
  /** Events accepted from it, when the Console counts them. */
  readonly accepted?: number;
}

const connectedWithinMs = 30_000;

function toView(raw: Readonly<Record<string, unknown>>, nowMs: number): DefenderView {
  const status = (
    typeof raw['status'] === 'object' && raw['status'] !== null ? raw['status'] : {}
  ) as Partial<StatusReport>;
  const merged = { ...status, ...raw } as Partial<DefenderView> & { state?: string; lastSeen?: string };
  const lastSeenAt = merged.lastSeenAt ?? merged.lastSeen;
  const isConnected =
    merged.isConnected ??
    (merged.state === undefined
      ? lastSeenAt !== undefined && nowMs - Date.parse(lastSeenAt) < connectedWithinMs
      : merged.state === 'connected');
  return {
    ...merged,
    defenderId: merged.defenderId ?? '',
    host: merged.host ?? {},
    conditions: merged.conditions ?? [],
    isConnected,
    ...(lastSeenAt !== undefined && { lastSeenAt }),
  };
}

/** All Defenders, by host name. */
export async function loadDefenders(signal?: AbortSignal): Promise<readonly DefenderView[]> {
  const body = await call<unknown>('/api/dockledger/v1/defenders', signal === undefined ? {} : { signal });
  const list = Array.isArray(body) ? body : (body as { defenders?: unknown[] }).defenders;
  const views = (list ?? []).map((raw) => toView(raw as Record<string, unknown>, Date.now()));
  return views.toSorted((a, b) => (a.host.hostname ?? '').localeCompare(b.host.hostname ?? ''));
}

/** True when somebody should look at it. */
export function isUnwell(defender: DefenderView): boolean {
  return !defender.isConnected || defender.conditions.length > 0 || defender.engine?.reachable === false;
}

/** A token that enrols one host. */
export interface EnrolmentTokenView {
  readonly token: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** Makes a token. Empty `name` and `cluster` leave these to the host. Throws `forbidden` for who may not enrol hosts. */
export function createEnrolmentToken(asked: {
  readonly validMinutes: number;
  readonly name: string;
  readonly cluster: string;
}): Promise<EnrolmentTokenView> {
  const { validMinutes, name, cluster } = asked;
  const body = { validMinutes, ...(name !== '' && { name }), ...(cluster !== '' && { cluster }) };
  return call('/api/dockledger/v1/defenders/tokens', { method: 'POST', body });
}
