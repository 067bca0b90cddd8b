// The public surface of rules: how a request is read, named and judged. Pure: no Node, no clock, no I/O.

export type { BodyObject, BodyValue } from './body-schema.ts';
export * from './canonical-body.ts';
export * from './canonical-target.ts';
export * from './chunked-body.ts';
export * from './classify.ts';
export {
  allCollection,
  type CollectionScope,
  type CompiledScope,
  compileScope,
  matchScope,
  type ScopeFacts,
  type ScopeMatch,
} from './collection-scope.ts';
export { type CompiledRules, type CompileOptions, compileRules } from './compiled-rules.ts';
export * from './compliance/checks.ts';
export * from './compliance/evaluate.ts';
export * from './compliance/running.ts';
export * from './compliance/workload.ts';
export {
  type AccessDecision,
  type DecideOptions,
  type DecisionReason,
  decide,
  defaultBrand,
  type RequestFacts,
} from './decide.ts';
export * from './explain.ts';
export { foldKey, type JsonLimits, parseGoJson } from './go-json.ts';
export { decodeLatin1, type Latin1Decoder, maxHeadBytes, maxHeaderFields } from './head-lines.ts';
export type { HeadRefusal, HeadRefusalCode } from './head-refusal.ts';
export { type HeaderField, headerValue } from './header-field.ts';
export * from './host-mounts.ts';
export * from './host-path.ts';
export * from './image-name.ts';
export * from './lint-rules.ts';
export * from './request-head.ts';
export * from './response-head.ts';
export * from './routes.ts';
