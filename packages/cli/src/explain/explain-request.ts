// Judges one request as the Defender would and says why: the reading, each access rule, then compliance.
// Invariant: reading, matching and verdict are those of the rules package, which the Defender uses as well.
import type { EventDecision, RuleSet, Target } from '@dockledger/contract';
import {
  type AccessDecision,
  type BodyValue,
  type ComplianceFacts,
  type ComplianceVerdict,
  canonicaliseBody,
  classify,
  compileComplianceRules,
  compileRules,
  evaluateCompliance,
  explain,
  hostPathsOf,
  opaqueTunnelActions,
  parseTarget,
  type RequestFacts,
  type RuleStep,
  toWorkload,
} from '@dockledger/rules';
import type { DockerRequest } from './docker-requests.ts';

/** The caller whose call is explained. */
export interface ExplainedCaller {
  readonly user: string;
  /** Every name that rules may use for the caller. */
  readonly principals: readonly string[];
  readonly groups: readonly string[];
}

/** The host that it would happen on, as collections name it. */
export interface ExplainedHost {
  readonly hostname: string;
  readonly fqdn?: string;
  readonly cluster?: string;
  readonly accountID?: string;
}

/** What is known of the target before the rules are asked. */
export interface ExplainedTarget {
  readonly target: Target;
  /** The request names something that was not found, or that nobody could be asked about. */
  readonly isUnresolved?: boolean;
  readonly compliance?: ComplianceFacts;
}

/** Why one request is decided as it is. */
export interface ExplainedRequest {
  /** Canonical, for instance `POST /containers/create?name=web`. */
  readonly request: string;
  readonly action: string;
  readonly class: string;
  /** The canonical body, when the action has one that is judged. */
  readonly body?: string;
  readonly target: Target;
  readonly isUnresolved: boolean;
  /** Every access rule in order, with what it said. Empty when the request is refused before. */
  readonly steps: readonly RuleStep[];
  readonly access?: AccessDecision;
  readonly compliance?: ComplianceVerdict;
  /** What happens in the end. */
  readonly effect: 'allow' | 'deny';
  /** The rule that decides; empty when none is asked. */
  readonly rule: string;
  /** The sentence that the client sees, or that says why it is allowed. */
  readonly text: string;
  /** What was decided then, for a call on record. */
  readonly recorded?: EventDecision;
}

/** The facts of a call, whether it is made up or recorded. */
export interface JudgedCall {
  readonly action: string;
  readonly class: RequestFacts['class'];
  readonly caller: ExplainedCaller;
  readonly host: ExplainedHost;
  readonly target: ExplainedTarget;
  readonly body: BodyValue | undefined;
  readonly hostDevices: readonly string[];
}

/** The verdict on a call by a rule set, with each rule's say. */
export function explainCall(
  ruleSet: RuleSet,
  call: JudgedCall,
  brand: string,
): Pick<ExplainedRequest, 'steps' | 'access' | 'compliance' | 'effect' | 'rule' | 'text'> {
  const collections = ruleSet.collections ?? [];
  const complianceRules = compileComplianceRules(ruleSet.complianceRules ?? [], collections);
  const rules = compileRules(ruleSet.accessRules, {
    collections,
    ...(complianceRules.hasBlocking && { explicitActions: opaqueTunnelActions }),
  });
  const { target } = call.target;
  const scope = {
    ...call.host,
    containerName: target.containerName,
    imageName: target.imageName,
    labels: target.labels,
    namespace: target.namespace,
    isUnresolved: call.target.isUnresolved,
  };
  const { decision, steps } = explain(
    rules,
    {
      action: call.action,
      class: call.class,
      user: call.caller.user,
      principals: call.caller.principals,
      groups: call.caller.groups,
      target: scope,
      hostDevices: call.hostDevices,
    },
    { brand },
  );
  const workload =
    call.body === undefined ? undefined : toWorkload(call.action, call.body, call.target.compliance ?? {});
  const compliance =
    workload === undefined || decision.effect === 'deny'
      ? undefined
      : evaluateCompliance(complianceRules, workload, scope, { brand });
  const block = compliance?.block;
  return {
    steps,
    access: decision,
    ...(compliance !== undefined && { compliance }),
    effect: block === undefined ? decision.effect : 'deny',
    rule: block?.rule ?? decision.rule,
    text: block?.text ?? decision.text,
  };
}

/** Reads a request as the Defender does and judges it. `lookUp` gives the target as far as it can be known. */
export async function explainRequest(
  ruleSet: RuleSet,
  request: DockerRequest,
  options: {
    readonly caller: ExplainedCaller;
    readonly host: ExplainedHost;
    readonly brand: string;
    readonly lookUp: (read: {
      readonly action: string;
      readonly path: string;
      readonly body: BodyValue | undefined;
      readonly request: DockerRequest;
    }) => Promise<ExplainedTarget>;
  },
): Promise<ExplainedRequest> {
  const target = parseTarget(request.target);
  const refused = (action: string, kind: string, reason: string): ExplainedRequest => ({
    request: `${request.method} ${request.target}`,
    action,
    class: kind,
    target: {},
    isUnresolved: false,
    steps: [],
    effect: 'deny',
    rule: '',
    text: `[${options.brand}] ${reason}`,
  });
  if (target.kind === 'refusal') return refused('unknown', 'write', target.reason);
  const route = classify(request.method, target.path);
  const body =
    route.body === 'json' && request.body !== undefined
      ? canonicaliseBody(route.action, new TextEncoder().encode(JSON.stringify(request.body)))
      : undefined;
  if (body?.kind === 'refusal') return refused(route.action, route.class, body.reason);
  const found = await options.lookUp({ action: route.action, path: target.path, body: body?.value, request });
  const judged = explainCall(
    ruleSet,
    {
      action: route.action,
      class: route.class,
      caller: options.caller,
      host: options.host,
      target: found,
      body: body?.value,
      hostDevices: hostPathsOf(route.action, body?.value),
    },
    options.brand,
  );
  return {
    request: `${request.method} ${target.canonicalTarget}`,
    action: route.action,
    class: route.class,
    ...(body !== undefined && body.text !== '' && { body: body.text }),
    target: found.target,
    isUnresolved: found.isUnresolved === true,
    ...judged,
  };
}
