// A link within the page: a real anchor, so that middle click, copy address and screen readers work, without a reload.
import type { ComponentChildren } from 'preact';
import { navigate } from '../state/location.ts';

interface Props {
  readonly href: string;
  /** Where an alt-click goes, for instance the filter that excludes instead. */
  readonly altHref?: string;
  readonly class?: string;
  readonly title?: string;
  readonly tabIndex?: number;
  readonly 'aria-label'?: string;
  readonly 'aria-current'?: 'page' | 'true';
  readonly children: ComponentChildren;
}

/** The link. Modified clicks other than alt are left to the browser. */
export function Link({ href, altHref, children, ...rest }: Props) {
  return (
    <a
      {...rest}
      href={href}
      onClick={(event) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        event.stopPropagation();
        navigate(event.altKey && altHref !== undefined ? altHref : href);
      }}
    >
      {children}
    </a>
  );
}
