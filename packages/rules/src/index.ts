// The public surface of rules: how a request is read, named and judged. Pure: no Node, no clock, no I/O.
export * from './canonical-target.ts';
export * from './chunked-body.ts';
export * from './classify.ts';
export { decodeLatin1, type Latin1Decoder, maxHeadBytes, maxHeaderFields } from './head-lines.ts';
export { type HeaderField, headerValue } from './header-field.ts';
export * from './request-head.ts';
export * from './response-head.ts';
export * from './routes.ts';
