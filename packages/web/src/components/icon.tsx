// The page's icons: small inline drawings on a 16 px grid, in the colour of the text around them. Always beside a word or a label.

const paths = {
  refused: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM3.6 12.4l8.8-8.8',
  allowed: 'M3.2 8.6 6.4 11.8 12.8 4.6',
  failed: 'M8 2.2 14.6 13.6H1.4ZM8 6.4v3.4M8 11.6v.6',
  gap: 'M1.5 8h3M11.5 8h3M6 5.5v5M10 5.5v5',
  close: 'M4 4l8 8M12 4l-8 8',
  search: 'M7 2.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6ZM10.6 10.6 14 14',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4 6 8l4 4',
  up: 'M4 10l4-4 4 4',
  link: 'M6.6 9.4 9.4 6.6M7 4.6l1.4-1.4a2.9 2.9 0 0 1 4.3 4.2L11.2 8.8M9 11.4l-1.4 1.4a2.9 2.9 0 0 1-4.3-4.2l1.5-1.4',
  export: 'M8 2v8M4.8 7 8 10.2 11.2 7M2.5 13.5h11',
  clock: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM8 4.6V8l2.4 1.6',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13',
  moon: 'M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3Z',
  help: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM6.2 6.2a1.8 1.8 0 1 1 2.6 1.7c-.6.3-.8.7-.8 1.3M8 11.2v.4',
  copy: 'M5.5 5.5V2.5h8v8h-3M2.5 5.5h8v8h-8Z',
  columns: 'M2.5 3h11v10h-11ZM6.2 3v10M9.8 3v10',
  plus: 'M8 3v10M3 8h10',
  grip: 'M6 4v.1M10 4v.1M6 8v.1M10 8v.1M6 12v.1M10 12v.1',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5v9l7-4.5Z',
  terminal: 'M2 3h12v10H2ZM4.5 6l2 2-2 2M8.5 10.5h3',
  shield: 'M8 1.8 13 3.6v4c0 3.2-2.2 5.4-5 6.6-2.8-1.2-5-3.4-5-6.6v-4Z',
  filter: 'M2 3.5h12L9.6 8.6v4.2L6.4 11V8.6Z',
} as const;

/** Names of the icons. */
export type IconName = keyof typeof paths;

/** One icon, hidden from screen readers: the word beside it speaks. `size` in px, defaults to 14. */
export function Icon({ name, size = 14 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
