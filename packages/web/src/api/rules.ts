// Reading and replacing the access rules. A save names the version it was made from, so that nobody overwrites unseen work.
import type { AccessRule, RuleSet } from '@dockledger/contract';
import { ApiFailure, call, send } from './client.ts';

const rulesPath = '/api/dockledger/v1/rules';

/** The rules in force and the tag that a save must name. */
export interface TaggedRules {
  readonly rules: RuleSet;
  readonly etag: string;
}

async function read(response: Response): Promise<TaggedRules> {
  const rules = (await response.json()) as RuleSet;
  return { rules, etag: response.headers.get('etag') ?? `"${rules.version}"` };
}

/** The rules in force. */
export async function loadRules(signal?: AbortSignal): Promise<TaggedRules> {
  return read(await send(rulesPath, signal === undefined ? {} : { signal }));
}

/** Replaces the whole list. `note` says why, for the history. Throws `conflict` when somebody saved after `etag`. */
export async function saveRules(accessRules: readonly AccessRule[], etag: string, note = ''): Promise<TaggedRules> {
  const body = { accessRules, ...(note !== '' && { note }) };
  const response = await send(rulesPath, { method: 'PUT', body, headers: { 'if-match': etag } });
  const text = await response.text();
  if (text === '') return loadRules();
  const saved: unknown = JSON.parse(text);
  if (typeof saved !== 'object' || saved === null || !('accessRules' in saved)) return loadRules();
  const tag = response.headers.get('etag');
  if (tag === null)
    throw new ApiFailure('failed', response.status, 'The Console saved the rules but named no version.');
  return { rules: saved as RuleSet, etag: tag };
}

/** One version of the list that was once in force. */
export interface RulesVersion extends RuleSet {
  readonly savedAt: string;
  readonly savedBy: string;
  /** Why, in the words of the person who saved it. */
  readonly note?: string;
}

/** Versions that were in force, newest first. */
export async function loadRulesHistory(signal?: AbortSignal): Promise<readonly RulesVersion[]> {
  const body = await call<{ versions: readonly RulesVersion[] }>(
    `${rulesPath}/history`,
    signal === undefined ? {} : { signal },
  );
  return body.versions.toSorted((a, b) => b.version - a.version);
}
