// The time of day as a signal that ticks once a second while the page is seen, for "4 s ago" and ages.
import { signal } from '@preact/signals';

/** Milliseconds since 1970, at most a second old while the page is visible. */
export const now = signal(Date.now());

window.setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
