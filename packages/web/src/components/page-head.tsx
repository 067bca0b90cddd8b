// The head of a page that is not the list: its name, what it is for, and its actions.
import type { ComponentChildren } from 'preact';

interface Props {
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly actions?: ComponentChildren;
}

/** Heading, one line of explanation, buttons at the end. */
export function PageHead({ title, children, actions }: Props) {
  return (
    <div class="page-head">
      <div>
        <h1>{title}</h1>
        {children !== undefined && <p class="muted">{children}</p>}
      </div>
      {actions !== undefined && <div class="page-actions">{actions}</div>}
    </div>
  );
}
