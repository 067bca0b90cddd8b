// The pure part of an exchange, made of the rules package: naming, reading and judging a request.
// Invariant: whatever is not understood is refused here; nothing is repaired.
import {
  type CompiledRules,
  canonicaliseBody,
  classify,
  decide,
  hostPathsOf,
  isFormContentType,
  parseTarget,
  type RequestHead,
  refuseFormBody,
} from '@dockledger/rules';
import type { Verdict } from '../ports.ts';
import { latin1, utf8 } from './latin1.ts';
import type { BodyReading, ClassifiedRequest, ClassifyRefusal, JudgeInput, RequestJudge } from './proxy-context.ts';

/** What the judge needs beside the request. */
export interface DockerJudgeOptions {
  /** The rules in force, asked for each call. */
  readonly rules: () => CompiledRules;
  /** This host, as collections name it. */
  readonly host: {
    readonly hostname: string;
    readonly fqdn?: string;
    readonly cluster?: string;
    readonly accountID?: string;
  };
  /** Defaults to Dockledger. */
  readonly brand?: string;
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
  return { kind: 'request', api: route.action, route, target };
}

// Without them a body of 4 MiB takes the portable decoders half a second.
const decoders = { decode: latin1, decodeUtf8: utf8 };

function readBody(request: ClassifiedRequest, payload: Buffer): BodyReading {
  if (request.route.body !== 'json') return { value: undefined, bytes: undefined };
  const body = canonicaliseBody(request.api, payload, decoders);
  if (body.kind === 'refusal') return { refusal: body.reason };
  return { value: body.value, bytes: body.text === '' ? undefined : Buffer.from(body.text) };
}

/** The judge of the proxy: access rules on what was named, read and looked up. */
export function createDockerJudge({ rules, host, brand }: DockerJudgeOptions): RequestJudge {
  const options = brand === undefined ? {} : { brand };
  const judge = ({ request, caller, target, body, isUnresolved }: JudgeInput): Verdict => {
    const { effect, rule, reason, text, findings, audit } = decide(
      rules(),
      {
        action: request.api,
        class: request.route.class,
        user: caller.actor.user,
        principals: caller.principals,
        groups: caller.groups,
        target: {
          hostname: host.hostname,
          fqdn: host.fqdn,
          cluster: host.cluster,
          accountID: host.accountID,
          containerName: target.containerName,
          imageName: target.imageName,
          labels: target.labels,
          namespace: target.namespace,
          isUnresolved,
        },
        hostDevices: hostPathsOf(request.api, body),
      },
      options,
    );
    return { decision: { effect, rule, reason, text, findings: [...findings] }, audit };
  };
  return { classify: classifyHead, readBody, judge };
}
