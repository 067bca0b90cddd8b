// What tests of every package share: temp directories, waiting, processes and real engines. Never imported by non-test code.
export * from './dockledger.ts';
export * from './engine.ts';
export * from './people.ts';
export * from './process.ts';
export * from './temp-dir.ts';
export * from './until.ts';
