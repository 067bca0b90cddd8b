// What every connection and exchange of one proxy shares: the ports it was given and its counters.
import type { Recorder, Target } from '@dockledger/contract';
import type { BodyValue, CanonicalTarget, Classification, ComplianceFacts, RequestHead } from '@dockledger/rules';
import type { Caller, TargetFacts, Verdict } from '../ports.ts';
import type { AppLog } from './app-log.ts';
import type { EnginePool } from './engine-pool.ts';

/** A request that has a name: what the judge, the record and the forwarder work on. */
export interface ClassifiedRequest {
  readonly kind: 'request';
  /** Action name, for instance container_create; `unknown` when no route matches. */
  readonly api: string;
  readonly route: Classification;
  /** The one reading of path, version and query. */
  readonly target: CanonicalTarget;
}

/** What is not forwarded because two parsers could read it differently. */
export interface ClassifyRefusal {
  readonly kind: 'refusal';
  readonly status: number;
  /** Action name as far as it is known, else `unknown`. */
  readonly api: string;
  /** A sentence for people. Holds nothing that the client sent. */
  readonly reason: string;
}

/** A body that was read for the verdict. */
export interface JudgedBody {
  /** Parsed; undefined for an empty body. */
  readonly value: BodyValue | undefined;
  /** What the engine gets: re-serialised. Undefined when the route takes no body and the client's is dropped. */
  readonly bytes: Buffer | undefined;
  /** The body has keys that its schema does not know, so that it was not read whole. */
  readonly hasUnknownKeys?: true;
}

/** The answer of {@link RequestJudge.readBody}. */
export type BodyReading = JudgedBody | { readonly refusal: string };

/** The pure part: how requests are named, read and judged. Made of the rules package. */
export interface RequestJudge {
  /** Names the request, or refuses it. Never throws. */
  classify(head: RequestHead): ClassifiedRequest | ClassifyRefusal;
  /** Reads a body that was collected whole. Never throws. */
  readBody(request: ClassifiedRequest, payload: Buffer): BodyReading;
  /** The verdict by the rules in force. A throw counts as a refusal. */
  judge(input: JudgeInput): Verdict;
}

/** What was found around a request that makes or changes a workload. */
export interface WorkloadFacts extends ComplianceFacts {
  /** The engine does not have the image. */
  readonly isImageMissing?: boolean;
  /** For the start of an exec: what it will run, in the form of the body that made it. */
  readonly exec?: BodyValue;
}

/** What the verdict may depend on. */
export interface JudgeInput {
  readonly request: ClassifiedRequest;
  readonly caller: Caller;
  readonly target: Target;
  readonly body: BodyValue | undefined;
  /** {@link JudgedBody.hasUnknownKeys}. */
  readonly hasUnknownKeys: boolean;
  /** The call names an object that could not be looked up. */
  readonly isUnresolved: boolean;
  /** What was looked up around a body that makes or changes a workload; undefined when nothing was. */
  readonly workload: WorkloadFacts | undefined;
}

/** The engine could not be asked. */
export interface FactsUnavailable {
  /** The system's code, for instance ECONNREFUSED. */
  readonly unavailable: string;
}

/** What {@link TargetFinder.find} found. */
export type FoundFacts = TargetFacts & {
  /**
   * The engine knows no such object. The judge then allows only what it would allow for any object, so the name may be
   * forwarded as it is: what it comes to name in between was covered by the verdict.
   */
  readonly isUnresolved?: true;
  readonly workload?: WorkloadFacts;
  /** Refused before any rule: for instance an exec that somebody else made. */
  readonly refused?: string;
};

/** Looks up what a request names. */
export interface TargetFinder {
  /** At once when nothing has to be asked. Never rejects. */
  find(
    request: ClassifiedRequest,
    caller: Caller,
    body: BodyValue | undefined,
  ): FoundFacts | FactsUnavailable | Promise<FoundFacts | FactsUnavailable>;
  /**
   * What an answer with an `Id` made: the new object's facts, for the outcome. Undefined when there is nothing to add.
   * Never rejects.
   */
  created(request: ClassifiedRequest, caller: Caller, id: string): Promise<Target | undefined>;
}

/** Options that change how one exchange goes. */
export interface ExchangeSettings {
  /** Stands in brackets before every sentence of ours. */
  readonly brand: string;
  /** `strict`: fsync before a state-changing call is forwarded. */
  readonly durability: 'standard' | 'strict';
  /** What happens to state-changing calls while nothing can be recorded. */
  readonly whenUnrecordable: 'refuse' | 'pass';
  /** The largest body that is read for a verdict. */
  readonly maxJudgedBodyBytes: number;
}

/** Counters since the start. */
export interface ProxyCounters {
  connections: number;
  requests: number;
  forwarded: number;
  refused: number;
  malformed: number;
  engineFailures: number;
  unrecorded: number;
}

/** Shared by all connections of a proxy. */
export interface ProxyContext {
  readonly pool: EnginePool;
  readonly recorder: Recorder;
  readonly judge: RequestJudge;
  readonly facts: TargetFinder;
  readonly log: AppLog;
  readonly settings: ExchangeSettings;
  readonly counters: ProxyCounters;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Makes the one-time mark that lets the call past our authorization plugin. */
  readonly passMark: ((method: string, target: string) => string) | undefined;
}
