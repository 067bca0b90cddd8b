// The public surface of the contract: schemas, types, error codes and versions that all programs share.
export * from './error-code.ts';
