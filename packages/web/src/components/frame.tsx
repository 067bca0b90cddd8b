// The bar at the top of every page, and the keys that work everywhere.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isUnwell, loadDefenders } from '../api/defenders.ts';
import { place } from '../state/location.ts';
import { useResource } from '../state/resource.ts';
import { session, signOut } from '../state/session.ts';
import { prefer, taste, themeInForce } from '../state/taste.ts';
import { Brand } from './brand.tsx';
import { HelpDialog } from './help-dialog.tsx';
import { Icon } from './icon.tsx';
import { isTyping } from './is-typing.ts';
import { Link } from './link.tsx';
import { Menu } from './menu.tsx';
import { SafeText } from './safe-text.tsx';

const links: readonly [string, string][] = [
  ['/', 'Overview'],
  ['/events', 'Events'],
  ['/rules', 'Rules'],
  ['/defenders', 'Defenders'],
  ['/evidence', 'Evidence'],
  ['/settings', 'Settings'],
];

/** True for the page itself and the pages under it. */
function isWithin(path: string, href: string): boolean {
  return path === href || (href !== '/' && path.startsWith(`${href}/`));
}

function DefenderHealth() {
  const { data, failure } = useResource('defenders', loadDefenders, { everyMs: 10_000 });
  if (data === undefined) return failure === undefined ? null : <span class="health muted">Defenders: unknown</span>;
  const well = data.filter((defender) => !isUnwell(defender)).length;
  const isWell = well === data.length && data.length > 0;
  const stale = failure === undefined ? '' : ' (last known)';
  return (
    <Link href="/defenders" class={`health ${isWell ? 'health-well' : 'health-unwell'}`}>
      <span class="health-dot" aria-hidden="true" />
      {data.length === 0 ? 'No Defender yet' : `${well} of ${data.length} well${stale}`}
    </Link>
  );
}

function TasteMenu({ onHelp }: { readonly onHelp: () => void }) {
  const username = session.value.state === 'signed-in' || session.value.state === 'ended' ? session.value.username : '';
  const isDark = themeInForce() === 'dark';
  return (
    <Menu label={<SafeText text={username} />} title={`Signed in as ${username}`} align="end">
      {(close) => (
        <>
          <button type="button" class="menu-item" onClick={() => prefer({ theme: isDark ? 'light' : 'dark' })}>
            <Icon name={isDark ? 'sun' : 'moon'} /> {isDark ? 'Light' : 'Dark'}
          </button>
          <button
            type="button"
            class="menu-item"
            onClick={() => prefer({ density: taste.value.density === 'normal' ? 'compact' : 'normal' })}
          >
            <Icon name="grip" /> {taste.value.density === 'normal' ? 'Compact rows' : 'Normal rows'}
          </button>
          <button
            type="button"
            class="menu-item"
            onClick={() => {
              close();
              onHelp();
            }}
          >
            <Icon name="help" /> Keys and search <kbd>?</kbd>
          </button>
          <hr />
          <button type="button" class="menu-item" onClick={() => void signOut()}>
            Sign out
          </button>
        </>
      )}
    </Menu>
  );
}

/** The bar and the page under it. */
export function Frame({ children }: { readonly children: ComponentChildren }) {
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const { path } = place.value;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === '?' && !isTyping(event)) setIsHelpOpen(true);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  useEffect(() => {
    const name = links.find(([href]) => isWithin(path, href))?.[1];
    document.title = name === undefined ? 'Dockledger' : `${name} · Dockledger`;
    // On narrow screens the row of pages scrolls: the current one must be in sight.
    document.querySelector('.bar-nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [path]);
  return (
    <div class={`frame density-${taste.value.density}`}>
      <a
        class="skip-link"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="bar">
        <Link href="/" class="bar-brand" aria-label="Dockledger, overview">
          <Brand />
        </Link>
        <nav class="bar-nav" aria-label="Pages">
          {links.map(([href, name]) => (
            <Link key={href} href={href} {...(isWithin(path, href) && { 'aria-current': 'page' as const })}>
              {name}
            </Link>
          ))}
        </nav>
        <div class="bar-end">
          <DefenderHealth />
          <TasteMenu onHelp={() => setIsHelpOpen(true)} />
        </div>
      </header>
      <main id="content" class="content" tabIndex={-1} ref={main}>
        {children}
      </main>
      {isHelpOpen && <HelpDialog onClose={() => setIsHelpOpen(false)} />}
    </div>
  );
}
