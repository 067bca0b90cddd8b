// The rules in force, access and compliance: read at once from memory, saved as a new version, and announced to whoever waits.
// A save is sound (no rule that could never do what it says) and durable before it is in force; order is kept as given.
import {
  type AccessRule,
  type ComplianceRule,
  defaultRuleSet,
  type RuleScope,
  type RuleSet,
  toInstant,
} from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import { allCollection, type CollectionScope, lintComplianceRules, lintRules, type RuleIssue } from '@dockledger/rules';
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
  /** Replaces the whole list of compliance rules, as {@link save} does. */
  saveCompliance(rules: readonly ComplianceRule[], change: RulesChange): Promise<RuleSet>;
  /** Announces the rules anew under the next version, because what travels beside them has changed. */
  republish(by: string): Promise<RuleSet>;
  /** Resolves with the rules once their version is above `version`, or with undefined when the signal aborts. */
  newerThan(version: number, signal: AbortSignal): Promise<RuleSet | undefined>;
  /** Earlier versions, newest first. */
  history(limit: number): Promise<readonly RuleSetVersion[]>;
  /** Puts a newer version in force that another Console has saved. */
  reload(): Promise<void>;
}

/** What {@link openAccessRules} needs. */
export interface AccessRulesParts {
  readonly store: RuleSetStore;
  /** The collections that rules may name. Those that rules do name go along with the rules. */
  readonly collections: () => readonly CollectionScope[];
  /** Serial numbers of people's certificates that no longer count. Defaults to none. */
  readonly revokedCertificates?: () => readonly string[];
  readonly now: () => number;
}

/** Loads the rules in force, or puts the default ones in force on a new store. */
export async function openAccessRules({
  store,
  collections,
  revokedCertificates = () => [],
  now,
}: AccessRulesParts): Promise<AccessRulesService> {
  let newest = await store.newest();
  if (newest === undefined) {
    newest = { ruleSet: defaultRuleSet, savedAt: toInstant(now()), savedBy: 'system' };
    await store.add(newest);
  }
  let current = newest.ruleSet;
  const waiting = new Set<() => void>();
  let saving: Promise<unknown> = Promise.resolve();

  const collectionNames = () => collections().map(({ name }) => name);

  async function saveNow(
    make: (by: string, savedAt: string) => Pick<RuleSet, 'accessRules' | 'complianceRules'>,
    { by, basedOn, note = '' }: RulesChange,
  ): Promise<RuleSet> {
    if (basedOn !== undefined && basedOn !== current.version) {
      throw new AppError('precondition_failed', 'The rules were changed by somebody else meanwhile. Load them again.', {
        details: { version: current.version },
      });
    }
    const savedAt = toInstant(now());
    const { complianceRules = current.complianceRules, accessRules } = make(by, savedAt);
    const ruleSet: RuleSet = {
      version: current.version + 1,
      accessRules,
      ...(complianceRules !== undefined && complianceRules.length > 0 && { complianceRules }),
    };
    await store.add({ ruleSet, savedAt, savedBy: by, note });
    current = ruleSet;
    for (const wake of waiting) wake();
    return inForce();
  }
  const saveNext = (...saves: Parameters<typeof saveNow>): Promise<RuleSet> => {
    const saved = saving.then(() => saveNow(...saves));
    saving = saved.catch(() => undefined);
    return saved;
  };

  const inForce = (): RuleSet => {
    const revoked = revokedCertificates();
    const named = new Set(
      [...current.accessRules, ...(current.complianceRules ?? [])].flatMap((rule) => rule.collections ?? []),
    );
    const scopes = collections().filter(({ name }) => named.has(name) && name !== allCollection.name);
    return {
      ...current,
      ...(scopes.length > 0 && { collections: scopes.map(toRuleScope) }),
      ...(revoked.length > 0 && { revokedCertificates: [...revoked] }),
    };
  };

  return {
    current: inForce,
    history: (limit) => store.history(limit),
    save: (rules, change) =>
      saveNext((by, at) => {
        requireSound(rules, lintRules(rules, collectionNames()));
        return { accessRules: toStoredRules(rules, current.accessRules, by, at) };
      }, change),
    saveCompliance: (rules, change) =>
      saveNext((by, at) => {
        requireSound(rules, lintComplianceRules(rules, collectionNames()));
        const complianceRules = toStoredRules(rules, current.complianceRules ?? [], by, at);
        return { accessRules: current.accessRules, complianceRules };
      }, change),
    reload: async () => {
      const stored = await store.newest();
      if (stored === undefined || stored.ruleSet.version <= current.version) return;
      current = stored.ruleSet;
      for (const wake of waiting) wake();
    },
    republish: (by) => saveNext(() => ({ accessRules: current.accessRules }), { by }),
    newerThan: async (version, signal) => {
      while (current.version <= version && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
        await promise;
        waiting.delete(resolve);
      }
      return current.version > version ? inForce() : undefined;
    },
  };
}

/** What Defenders need of a collection. */
function toRuleScope(collection: CollectionScope): RuleScope {
  const { name, hosts, clusters, accountIDs, containers, images, labels, namespaces } = collection;
  const lists = { hosts, clusters, accountIDs, containers, images, labels, namespaces };
  const given = Object.entries(lists).flatMap(([key, list]) => (list === undefined ? [] : [[key, [...list]] as const]));
  return { name, ...Object.fromEntries(given) };
}

/** Throws for the first error; warnings pass. */
function requireSound(rules: readonly { readonly name: string }[], issues: readonly RuleIssue[]): void {
  const errors = issues.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first === undefined) return;
  const place = rules.findIndex(({ name }) => name === first.rule) + 1;
  const subject = place === 0 ? 'The rules' : `Rule ${place}, "${first.rule}"`;
  throw new AppError('bad_rule', `${subject}: ${first.text}`, { details: { issues: errors } });
}

/** The list as it is stored: renames done, and every rule that differs from before marked with who and when. */
function toStoredRules<Rule extends AccessRule | ComplianceRule>(
  rules: readonly Rule[],
  before: readonly Rule[],
  by: string,
  at: string,
): Rule[] {
  const earlier = new Map(before.map((rule) => [rule.name, rule]));
  return rules.map((rule) => {
    const { previousName, owner: _owner, modified: _modified, ...content } = rule;
    const old = earlier.get(previousName ?? rule.name);
    if (old !== undefined && isSameContent(content, old)) {
      return {
        ...content,
        ...(old.owner !== undefined && { owner: old.owner }),
        ...(old.modified !== undefined && { modified: old.modified }),
      } as Rule;
    }
    return { ...content, owner: old?.owner ?? by, modified: at } as Rule;
  });
}

function isSameContent(content: object, old: AccessRule | ComplianceRule): boolean {
  const { owner: _owner, modified: _modified, ...oldContent } = old;
  const sorted = (rule: object) => JSON.stringify(Object.entries(rule).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return sorted(content) === sorted(oldContent);
}
