// The public surface of the contract: schemas, types, error codes and versions that all programs share.
export * from './access-event.ts';
export * from './access-rule.ts';
export * from './compatible-record.ts';
export * from './compliance-rule.ts';
export * from './endpoints.ts';
export * from './enrolment-token.ts';
export * from './error-code.ts';
export * from './raw-record.ts';
export * from './server-certificate.ts';
export * from './version.ts';
export * from './wire.ts';
