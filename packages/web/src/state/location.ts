// Where the reader is: the address bar as a signal. Every view is a pure function of it, so links, back and forward work.
import { signal } from '@preact/signals';

/** Path and query string of the page shown. */
export interface Place {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
}

function here(): Place {
  return { path: window.location.pathname, search: window.location.search };
}

/** The current place. Written only by {@link navigate} and by back and forward. */
export const place = signal<Place>(here());

window.addEventListener('popstate', () => {
  place.value = here();
});

/** Goes to an address of this page. `replace` keeps the history as it is (typing, moving through rows). */
export function navigate(href: string, how: 'push' | 'replace' = 'push'): void {
  if (href === `${window.location.pathname}${window.location.search}`) return;
  if (how === 'push') window.history.pushState(null, '', href);
  else window.history.replaceState(null, '', href);
  place.value = here();
}
