// The rules in force on this host: kept on disk, so that the next start without the Console judges as before.
// Invariant: a set that does not validate is refused whole and the old one stays in force.
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type AccessRule, AppError, defaultRuleSet, RuleSet } from '@dockledger/contract';
import {
  type CompiledComplianceRules,
  type CompiledRules,
  compileComplianceRules,
  compileRules,
  opaqueTunnelActions,
} from '@dockledger/rules';
import { Value } from 'typebox/value';

/** Rules that are in force, ready to decide. */
export interface RulesKeeper {
  /** Replaced as a whole on every change; take it once per call. */
  readonly current: CompiledRules;
  /** The access rules for a caller who cannot be named: what refuses somebody refuses them, as they may be that somebody. */
  readonly forUnknownCallers: CompiledRules;
  /** The compliance rules of the same set. */
  readonly compliance: CompiledComplianceRules;
  readonly version: number;
  /** True when not everybody may do the same, so that it matters who made an exec. */
  readonly distinguishesPeople: boolean;
  /** Whether a person's certificate no longer counts, by its serial number in lower-case hexadecimal. */
  isRevoked(serialNumber: string): boolean;
  /** Checks, keeps on disk, then puts in force. Throws `bad_rule` and changes nothing when the set does not validate. */
  apply(rules: unknown): Promise<void>;
}

interface RulesInForce {
  readonly ruleSet: RuleSet;
  readonly compiled: CompiledRules;
  readonly forUnknownCallers: CompiledRules;
  readonly compliance: CompiledComplianceRules;
  readonly distinguishesPeople: boolean;
  readonly revoked: ReadonlySet<string>;
}

/** A rule that refuses, warns or names people makes callers differ. */
function isPersonal({ disabled, effect, principal = ['*'], group = ['*'] }: AccessRule): boolean {
  return disabled !== true && (effect !== 'allow' || !principal.includes('*') || !group.includes('*'));
}

function compile(rules: unknown): RulesInForce {
  if (!Value.Check(RuleSet, rules)) {
    const [first] = Value.Errors(RuleSet, rules);
    throw new AppError(
      'bad_rule',
      `The rule set is refused: ${first?.instancePath ?? ''} ${first?.message ?? 'is not understood'}.`,
    );
  }
  const { accessRules, complianceRules = [], collections = [] } = rules;
  const compliance = compileComplianceRules(complianceRules, collections);
  // What goes through BuildKit's tunnels is not seen: under a rule that blocks they must be allowed by name.
  const options = { collections, explicitActions: compliance.hasBlocking ? opaqueTunnelActions : [] };
  const forEverybody = { principal: ['*'], group: ['*'] };
  const strict = accessRules.map((rule) => (rule.effect === 'deny' ? { ...rule, ...forEverybody } : rule));
  return {
    ruleSet: rules,
    compiled: compileRules(accessRules, options),
    forUnknownCallers: compileRules(strict, options),
    compliance,
    // An empty list refuses everybody, and needs no guard.
    distinguishesPeople: accessRules.some(isPersonal),
    revoked: new Set(rules.revokedCertificates),
  };
}

/** Opens the keeper with what the last run had in force; with the default rules when there is nothing yet. */
export async function openRulesKeeper(path: string, onWarning: (text: string) => void): Promise<RulesKeeper> {
  let state = compile(defaultRuleSet);
  // Version 0 on a first start: whatever the Console has is newer.
  let version = 0;
  try {
    state = compile(JSON.parse(await readFile(path, 'utf8')));
    version = state.ruleSet.version;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      // A guard that forgets its rules must not fall open: nothing is known of what was allowed.
      onWarning(
        `The rules in ${path} cannot be read (${(error as Error).message}); all calls are refused until the Console sends them again.`,
      );
      state = compile({ version: 0, accessRules: [] });
    }
  }
  return {
    get current() {
      return state.compiled;
    },
    get forUnknownCallers() {
      return state.forUnknownCallers;
    },
    get compliance() {
      return state.compliance;
    },
    get distinguishesPeople() {
      return state.distinguishesPeople;
    },
    isRevoked: (serialNumber) => state.revoked.has(serialNumber),
    get version() {
      return version;
    },
    apply: async (rules) => {
      const next = compile(rules);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await using file = await open(`${path}.tmp`, 'w', 0o600);
      await file.writeFile(JSON.stringify(next.ruleSet));
      await file.sync();
      await rename(`${path}.tmp`, path);
      await using directory = await open(dirname(path), 'r');
      await directory.sync();
      state = next;
      version = next.ruleSet.version;
    },
  };
}

/** Where a Defender keeps its rules. */
export const rulesFile = (dataDir: string): string => join(dataDir, 'defender', 'rules.json');
