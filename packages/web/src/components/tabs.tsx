// Pages that belong together, as a row of links under the bar.
import { place } from '../state/location.ts';
import { Link } from './link.tsx';

/** The row. `pages` are address and name. */
export function Tabs({
  label,
  pages,
}: {
  readonly label: string;
  readonly pages: readonly (readonly [string, string])[];
}) {
  const { path } = place.value;
  return (
    <nav class="tabs" aria-label={label}>
      {pages.map(([href, name]) => (
        <Link key={href} href={href} {...(path === href && { 'aria-current': 'page' as const })}>
          {name}
        </Link>
      ))}
    </nav>
  );
}
