// The access rules in force: read at once from memory, saved as a new version, and announced to whoever waits for a change.
// A save is sound (no rule that could never do what it says) and durable before it is in force; order is kept as given.
import { type AccessRule, defaultRuleSet, type RuleSet, toInstant } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { lintRules, type RuleIssue } from '@dockledger/rules';
import type { RuleSetStore, RuleSetVersion } from './rule-set-store.ts';

/** Who changes the rules, and from where on. */
export interface RulesChange {
  readonly by: string;
  /** The version that the change was made from. Defaults to the newest. */
  readonly basedOn?: number;
  /** Why, in the person's words. Defaults to nothing. */
  readonly note?: string;
}

/** Reads and saves rules. */
export interface AccessRulesService {
  /** The rules in force. */
  current(): RuleSet;
  /**
   * Replaces the whole list. `basedOn` is the version the change was made from; without it the newest is replaced.
   * Throws `precondition_failed` when that is not the newest, `bad_rule` (details.issues) when a rule could never do what it says.
   */
  save(rules: readonly AccessRule[], change: RulesChange): Promise<RuleSet>;
  /** Resolves with the rules once their version is above `version`, or with undefined when the signal aborts. */
  newerThan(version: number, signal: AbortSignal): Promise<RuleSet | undefined>;
  /** Earlier versions, newest first. */
  history(limit: number): Promise<readonly RuleSetVersion[]>;
}

/** What {@link openAccessRules} needs. */
export interface AccessRulesParts {
  readonly store: RuleSetStore;
  /** Names of the collections that rules may name. */
  readonly collectionNames: () => readonly string[];
  readonly now: () => number;
}

/** Loads the rules in force, or puts the default ones in force on a new store. */
export async function openAccessRules({ store, collectionNames, now }: AccessRulesParts): Promise<AccessRulesService> {
  let newest = await store.newest();
  if (newest === undefined) {
    newest = { ruleSet: defaultRuleSet, savedAt: toInstant(now()), savedBy: 'system' };
    await store.add(newest);
  }
  let current = newest.ruleSet;
  const waiting = new Set<() => void>();
  let saving: Promise<unknown> = Promise.resolve();

  async function saveNow(rules: readonly AccessRule[], { by, basedOn, note = '' }: RulesChange): Promise<RuleSet> {
    if (basedOn !== undefined && basedOn !== current.version) {
      throw new AppError('precondition_failed', 'The rules were changed by somebody else meanwhile. Load them again.', {
        details: { version: current.version },
      });
    }
    requireSound(rules, lintRules(rules, collectionNames()));
    const savedAt = toInstant(now());
    const accessRules = toStoredRules(rules, current.accessRules, by, savedAt);
    const ruleSet: RuleSet = { version: current.version + 1, accessRules };
    await store.add({ ruleSet, savedAt, savedBy: by, note });
    current = ruleSet;
    for (const wake of waiting) wake();
    return ruleSet;
  }

  return {
    current: () => current,
    history: (limit) => store.history(limit),
    save: (rules, change) => {
      const saved = saving.then(() => saveNow(rules, change));
      saving = saved.catch(() => undefined);
      return saved;
    },
    newerThan: async (version, signal) => {
      while (current.version <= version && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
        await promise;
        waiting.delete(resolve);
      }
      return current.version > version ? current : undefined;
    },
  };
}

/** Throws for the first error; warnings pass. */
function requireSound(rules: readonly AccessRule[], issues: readonly RuleIssue[]): void {
  const errors = issues.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first === undefined) return;
  const place = rules.findIndex(({ name }) => name === first.rule) + 1;
  const subject = place === 0 ? 'The rules' : `Rule ${place}, "${first.rule}"`;
  throw new AppError('bad_rule', `${subject}: ${first.text}`, { details: { issues: errors } });
}

/** The list as it is stored: renames done, and every rule that differs from before marked with who and when. */
function toStoredRules(
  rules: readonly AccessRule[],
  before: readonly AccessRule[],
  by: string,
  at: string,
): AccessRule[] {
  const earlier = new Map(before.map((rule) => [rule.name, rule]));
  return rules.map((rule) => {
    const { previousName, owner: _owner, modified: _modified, ...content } = rule;
    const old = earlier.get(previousName ?? rule.name);
    if (old !== undefined && isSameContent(content, old)) {
      return {
        ...content,
        ...(old.owner !== undefined && { owner: old.owner }),
        ...(old.modified !== undefined && { modified: old.modified }),
      };
    }
    return { ...content, owner: old?.owner ?? by, modified: at };
  });
}

function isSameContent(content: AccessRule, old: AccessRule): boolean {
  const { owner: _owner, modified: _modified, ...oldContent } = old;
  const sorted = (rule: AccessRule) => JSON.stringify(Object.entries(rule).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return sorted(content) === sorted(oldContent);
}
