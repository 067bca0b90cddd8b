// Judges a workload by the compliance rules in force.
// Invariant: the first enabled rule whose collections fit decides alone; a check that it does not list is not asked.
import type { ComplianceRule, Finding } from '@dockledger/contract';
import {
  allCollection,
  type CollectionScope,
  type CompiledScope,
  compileScope,
  matchScope,
  type ScopeFacts,
} from '../collection-scope.ts';
import { type DecideOptions, defaultBrand } from '../decide.ts';
import { type ComplianceCheck, complianceChecks } from './checks.ts';
import type { Workload } from './workload.ts';

interface CompiledComplianceRule {
  readonly source: ComplianceRule;
  readonly scopes: readonly CompiledScope[];
  readonly hasUnknownCollection: boolean;
  readonly checks: readonly { readonly check: ComplianceCheck; readonly isBlocking: boolean }[];
}

/** Compliance rules, ready to judge. Immutable. */
export interface CompiledComplianceRules {
  readonly rules: readonly CompiledComplianceRule[];
  /** A rule blocks something: BuildKit's tunnels then need an explicit allow, and unknown body keys a refusal. */
  readonly hasBlocking: boolean;
  /** A rule asks a check that needs facts of the image. */
  readonly usesImage: boolean;
}

/** What compliance says of one call. */
export interface ComplianceVerdict {
  /** Set when the call is refused. Its event has `api: "create"` and this rule and text. */
  readonly block?: { readonly rule: string; readonly checks: readonly number[]; readonly text: string };
  /** Every check that did not pass, blocking or not, in the rule's order. */
  readonly findings: readonly Finding[];
  /** The deciding rule blocks by a check that needs facts of the image: without them the verdict is not whole. */
  readonly needsImage: boolean;
}

/** Settings of {@link evaluateCompliance}. */
export interface ComplianceOptions extends DecideOptions {
  /** Leaves out the checks that need facts of the image. For an image that the engine does not have yet. */
  readonly withoutImageChecks?: boolean;
}

/** Makes compliance rules ready. Disabled rules and numbers without a check are left out. Never throws. */
export function compileComplianceRules(
  rules: readonly ComplianceRule[],
  collections: readonly CollectionScope[] = [],
): CompiledComplianceRules {
  const scopes = new Map([...collections, allCollection].map((each) => [each.name, compileScope(each)]));
  const byId = new Map(complianceChecks.map((each) => [each.id, each]));
  const compiled = rules
    .filter((rule) => rule.disabled !== true)
    .map((source): CompiledComplianceRule => {
      const named = source.collections ?? [allCollection.name];
      const found = named.flatMap((name) => scopes.get(name) ?? []);
      const checks = source.condition.vulnerabilities.flatMap(({ id, block }) => {
        const check = byId.get(id);
        return check === undefined ? [] : [{ check, isBlocking: block }];
      });
      return { source, scopes: found, hasUnknownCollection: found.length < named.length, checks };
    });
  return {
    rules: compiled,
    hasBlocking: compiled.some((rule) => rule.checks.some((each) => each.isBlocking)),
    usesImage: compiled.some((rule) => rule.checks.some((each) => each.check.usesImage)),
  };
}

function fits(rule: CompiledComplianceRule, target: ScopeFacts): boolean {
  // In doubt a rule fits: it can only refuse or record.
  return rule.hasUnknownCollection || rule.scopes.some((scope) => matchScope(scope, target) !== 'no');
}

/**
 * Judges one workload. `target` is what the container will be: its name, image and labels as the request gives them.
 * Pure and total.
 */
export function evaluateCompliance(
  rules: CompiledComplianceRules,
  workload: Workload,
  target: ScopeFacts,
  options: ComplianceOptions = {},
): ComplianceVerdict {
  const rule = rules.rules.find((each) => fits(each, target));
  if (rule === undefined) return { findings: [], needsImage: false };
  const { name, blockMsg } = rule.source;
  const findings: Finding[] = [];
  const blocking: number[] = [];
  let needsImage = false;
  for (const { check, isBlocking } of rule.checks) {
    if (!check.appliesTo.includes(workload.kind)) continue;
    if (check.usesImage) {
      needsImage ||= isBlocking;
      if (options.withoutImageChecks === true) continue;
    }
    const fault = check.find(workload);
    if (fault === undefined) continue;
    const text = `${check.title}: ${fault}. ${check.remediation}`;
    findings.push({ check: check.id, rule: name, effect: isBlocking ? 'deny' : 'alert', text });
    if (isBlocking) blocking.push(check.id);
  }
  if (blocking.length === 0) return { findings, needsImage };
  // The space at the end and the plural for one are what parsers of these messages know.
  const text = `[${options.brand ?? defaultBrand}] Container operation blocked by policy: ${name}, has ${blocking.length} compliance issues `;
  return { block: { rule: name, checks: blocking, text: `${text}${blockMsg ?? ''}` }, findings, needsImage };
}
