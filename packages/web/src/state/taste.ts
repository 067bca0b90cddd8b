// What a reader likes, kept in local storage: never anything that decides which events are shown.
import { effect, signal } from '@preact/signals';
import type { ColumnLayout } from '../lib/column-layout.ts';
import type { Zone } from '../lib/format-time.ts';

/** Everything a reader may choose. */
export interface Taste extends ColumnLayout {
  /** Defaults to what the system says. */
  readonly theme: 'system' | 'light' | 'dark';
  readonly zone: Zone;
  readonly density: 'normal' | 'compact';
  readonly isFolding: boolean;
  /** True: cells of the events table take up to three lines. */
  readonly isWrapping: boolean;
  readonly showsFacets: boolean;
}

const standard: Taste = {
  theme: 'system',
  zone: 'utc',
  density: 'normal',
  isFolding: true,
  isWrapping: false,
  hiddenColumns: [],
  columnOrder: [],
  columnWidths: {},
  showsFacets: true,
};

const key = 'dockledger.taste';

function load(): Taste {
  try {
    const kept: unknown = JSON.parse(window.localStorage.getItem(key) ?? '{}');
    return typeof kept === 'object' && kept !== null ? { ...standard, ...kept } : standard;
  } catch {
    // Deliberately ignored: broken or forbidden storage means the standard taste.
    return standard;
  }
}

/** The reader's taste. */
export const taste = signal<Taste>(load());

/** Changes some of it and keeps it. */
export function prefer(change: Partial<Taste>): void {
  taste.value = { ...taste.value, ...change };
  try {
    window.localStorage.setItem(key, JSON.stringify(taste.value));
  } catch {
    // Deliberately ignored: in a private window the choice holds until the tab closes.
  }
}

const systemIsDark = window.matchMedia('(prefers-color-scheme: dark)');
const systemTheme = signal<'light' | 'dark'>(systemIsDark.matches ? 'dark' : 'light');
systemIsDark.addEventListener('change', (change) => {
  systemTheme.value = change.matches ? 'dark' : 'light';
});

/** The theme in force. */
export function themeInForce(): 'light' | 'dark' {
  return taste.value.theme === 'system' ? systemTheme.value : taste.value.theme;
}

effect(() => {
  document.documentElement.dataset['theme'] = themeInForce();
});
