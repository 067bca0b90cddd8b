// A button that opens a small panel below itself. Escape and a click elsewhere close it and give the focus back.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

interface Props {
  readonly label: ComponentChildren;
  /** Name for screen readers when the label alone does not say it. */
  readonly title?: string;
  readonly align?: 'start' | 'end';
  readonly children: (close: () => void) => ComponentChildren;
}

/** The button with its panel. */
export function Menu({ label, title, align = 'start', children }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return undefined;
    const onPointer = (event: Event) => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) setIsOpen(false);
    };
    document.addEventListener('pointerdown', onPointer);
    return () => document.removeEventListener('pointerdown', onPointer);
  }, [isOpen]);
  const close = () => {
    setIsOpen(false);
    button.current?.focus();
  };
  return (
    <div
      class="menu"
      ref={root}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !isOpen) return;
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={button}
        type="button"
        class="button"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        {...(title !== undefined && { title, 'aria-label': title })}
        onClick={() => setIsOpen(!isOpen)}
      >
        {label}
        <Icon name="down" size={10} />
      </button>
      {isOpen && (
        <div class={`menu-panel menu-${align}`} id={id}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
