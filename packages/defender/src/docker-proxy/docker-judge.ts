// The pure part of an exchange, made of the rules package: naming, reading and judging a request.
// Invariant: whatever is not understood is refused here; nothing is repaired.
import {
  type CompiledComplianceRules,
  type CompiledRules,
  type ComplianceVerdict,
  canonicaliseBody,
  classify,
  decide,
  defaultBrand,
  evaluateCompliance,
  type HeaderField,
  hostPathsOf,
  isFormContentType,
  parseTarget,
  queryValue,
  type RequestHead,
  refuseFormBody,
  type ScopeFacts,
  toBuildWorkload,
  toWorkload,
  type Workload,
} from '@dockledger/rules';
import type { Verdict } from '../ports.ts';
import { latin1, utf8 } from './latin1.ts';
import type { BodyReading, ClassifiedRequest, ClassifyRefusal, JudgeInput, RequestJudge } from './proxy-context.ts';

/** What the judge needs beside the request. */
export interface DockerJudgeOptions {
  /** The access rules in force, asked for each call. */
  readonly rules: () => CompiledRules;
  /** The compliance rules in force, asked for each call. Defaults to none. */
  readonly compliance?: () => CompiledComplianceRules;
  /** This host, as collections name it. */
  readonly host: {
    readonly hostname: string;
    readonly fqdn?: string;
    readonly cluster?: string;
    readonly accountID?: string;
  };
  /** Sockets and state of the engine and of the guard, absolute: who mounts them commands the host. */
  readonly guardedPaths?: readonly string[];
  /** SELinux is in enforcing mode on this host. Defaults to false. */
  readonly hasSELinux?: boolean;
  /** Defaults to Dockledger. */
  readonly brand?: string;
}

function isMalformedCredential({ lowerName, value }: HeaderField): boolean {
  return (lowerName === 'x-registry-auth' || lowerName === 'x-registry-config') && !/^[\w+/=-]*$/.test(value);
}

function classifyHead(head: RequestHead): ClassifiedRequest | ClassifyRefusal {
  const target = parseTarget(head.target);
  if (target.kind === 'refusal') {
    return { kind: 'refusal', status: target.status, api: 'unknown', reason: target.reason };
  }
  const route = classify(head.method, target.path);
  const hasBody = head.framing === 'chunked' || head.contentLength > 0;
  if (hasBody && isFormContentType(head.contentType)) {
    return { kind: 'refusal', status: 400, api: route.action, reason: refuseFormBody().reason };
  }
  if (head.headers.some(isMalformedCredential)) {
    const reason = 'X-Registry-Auth or X-Registry-Config is not base64.';
    return { kind: 'refusal', status: 400, api: route.action, reason };
  }
  return { kind: 'request', api: route.action, route, target };
}

// Without them a body of 4 MiB takes the portable decoders half a second.
const decoders = { decode: latin1, decodeUtf8: utf8 };

function readBody(request: ClassifiedRequest, payload: Buffer): BodyReading {
  if (request.route.body !== 'json') return { value: undefined, bytes: undefined };
  const body = canonicaliseBody(request.api, payload, decoders);
  if (body.kind === 'refusal') return { refusal: body.reason };
  return {
    value: body.value,
    bytes: body.text === '' ? undefined : Buffer.from(body.text),
    ...(body.unknownKeys.length > 0 && { hasUnknownKeys: true }),
  };
}

/** Compliance rules that refuse and find nothing. */
export const noComplianceRules: CompiledComplianceRules = { rules: [], hasBlocking: false, usesImage: false };

/** The judge of the proxy: access rules, then compliance rules, on what was named, read and looked up. */
export function createDockerJudge(parts: DockerJudgeOptions): RequestJudge {
  const { rules, host, brand = defaultBrand, guardedPaths = [], hasSELinux = false } = parts;
  const compliance = parts.compliance ?? (() => noComplianceRules);

  const workloadOf = ({ request, body, workload: facts }: JudgeInput): Workload | undefined => {
    if (request.api === 'image_build') return toBuildWorkload((name) => queryValue(request.target.query, name));
    const around = { ...facts, guardedPaths, hasSELinux };
    // What was judged when the exec was made is judged again when it starts: the rules may be others by then.
    return facts?.exec !== undefined && request.api === 'container_exec_start'
      ? toWorkload('container_exec_create', facts.exec, around)
      : toWorkload(request.api, body, around);
  };

  const judgeCompliance = (input: JudgeInput, target: ScopeFacts, allowed: Verdict): Verdict => {
    const inForce = compliance();
    if (inForce.rules.length === 0) return allowed;
    const workload = workloadOf(input);
    if (workload === undefined) return allowed;
    const { decision } = allowed;
    if (inForce.hasBlocking && input.hasUnknownKeys) {
      const text = `[${brand}] The command ${input.request.api} was refused: its body has fields that this version does not know, and a compliance rule that blocks is in force.`;
      return { decision: { ...decision, effect: 'deny', rule: '', reason: 'malformed', text }, audit: true };
    }
    let verdict: ComplianceVerdict = evaluateCompliance(inForce, workload, target, { brand });
    const awaitsImage = input.workload?.isImageMissing === true && verdict.needsImage;
    if (awaitsImage) verdict = evaluateCompliance(inForce, workload, target, { brand, withoutImageChecks: true });
    const findings = [...decision.findings, ...verdict.findings];
    if (verdict.block !== undefined) {
      const { rule, text } = verdict.block;
      return { decision: { effect: 'deny', rule, reason: 'compliance', text, findings }, audit: true, api: 'create' };
    }
    const judged: Verdict = {
      decision: { ...decision, findings },
      audit: allowed.audit || verdict.findings.length > 0,
    };
    if (!awaitsImage) return judged;
    return { ...judged, engineAnswer: { status: 404, message: `No such image: ${input.target.imageName ?? ''}` } };
  };

  const judge = (input: JudgeInput): Verdict => {
    const { request, caller, target, body, isUnresolved, workload } = input;
    const scope: ScopeFacts = {
      hostname: host.hostname,
      fqdn: host.fqdn,
      cluster: host.cluster,
      accountID: host.accountID,
      containerName: target.containerName,
      imageName: target.imageName,
      labels: target.labels,
      namespace: target.namespace,
      isUnresolved,
    };
    const { effect, rule, reason, text, findings, audit } = decide(
      rules(),
      {
        action: request.api,
        class: request.route.class,
        user: caller.actor.user,
        principals: caller.principals,
        groups: caller.groups,
        target: scope,
        hostDevices: [
          ...hostPathsOf(request.api, body, workload?.volumes),
          ...(workload?.inheritedMounts ?? []).map(({ source }) => source),
          ...(workload?.realPaths?.values() ?? []),
        ],
      },
      { brand },
    );
    const verdict: Verdict = { decision: { effect, rule, reason, text, findings: [...findings] }, audit };
    return effect === 'deny' ? verdict : judgeCompliance(input, scope, verdict);
  };
  return { classify: classifyHead, readBody, judge };
}
