// The Defender's memory between a call and the Console: what it records through, and the numbered events that leave it.
export { type Clock, systemClock } from './clock.ts';
export { openSpool, type Spool, type SpoolOptions } from './spool.ts';
