// The compliance rules in force and the checks that they may name.
import type { ComplianceRule } from '@dockledger/contract';
import { send } from './client.ts';

const compliancePath = '/api/dockledger/v1/compliance-rules';

/** One check: what must hold, and what to do when it does not. `id` is the benchmark's number without the dot. */
export interface ComplianceCheckView {
  readonly id: number;
  readonly title: string;
  readonly remediation: string;
}

/** The rules, the checks, and the tag that a save must name. */
export interface TaggedCompliance {
  readonly version: number;
  readonly complianceRules: readonly ComplianceRule[];
  readonly checks: readonly ComplianceCheckView[];
  readonly etag: string;
}

async function read(response: Response): Promise<TaggedCompliance> {
  const body = (await response.json()) as Omit<TaggedCompliance, 'etag'>;
  return { ...body, etag: response.headers.get('etag') ?? `"${body.version}"` };
}

/** The rules in force. */
export async function loadCompliance(signal?: AbortSignal): Promise<TaggedCompliance> {
  return read(await send(compliancePath, signal === undefined ? {} : { signal }));
}

/** Replaces the whole list. Throws `conflict` when somebody saved after `etag`. */
export async function saveCompliance(
  complianceRules: readonly ComplianceRule[],
  etag: string,
  note: string,
): Promise<TaggedCompliance> {
  const body = { complianceRules, ...(note !== '' && { note }) };
  return read(await send(compliancePath, { method: 'PUT', body, headers: { 'if-match': etag } }));
}
