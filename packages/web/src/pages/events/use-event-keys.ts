// The keys of the Events page. They do nothing while a field or dialog has the focus.
import { useEffect, useRef } from 'preact/hooks';
import { isTyping } from '../../components/is-typing.ts';
import { toTerm } from '../../lib/event-filter.ts';
import type { RowGroup } from '../../lib/fold-repeats.ts';
import { shiftRange } from '../../lib/time-range.ts';
import { navigate } from '../../state/location.ts';
import { deselect, hrefWith, hrefWithTerm, query, select, setRange } from './query-state.ts';
import { searchFieldId } from './search-field.tsx';

interface Steered {
  readonly groups: readonly RowGroup[];
  readonly activeId: string | undefined;
  readonly setActiveId: (id: string) => void;
}

function move({ groups, activeId, setActiveId }: Steered, step: number): void {
  const at = groups.findIndex((group) => group.events.some(({ id }) => id === activeId));
  const next = groups[Math.max(0, Math.min(groups.length - 1, at + step))];
  if (next === undefined) return;
  const [{ id }] = next.events;
  setActiveId(id);
  if (query.peek().selected !== undefined) select(id);
}

function filterByPerson({ groups, activeId }: Steered, isNegated: boolean): void {
  const event = groups.flatMap((group) => group.events).find(({ id }) => id === activeId);
  if (event !== undefined && event.actor.user !== '')
    navigate(hrefWithTerm(toTerm('user', event.actor.user, isNegated)));
}

function steer(steered: Steered, key: string): boolean {
  const { range, isLive, selected } = query.peek();
  if (key === '/') document.getElementById(searchFieldId)?.focus();
  else if (key === 'j' || key === 'ArrowDown') move(steered, 1);
  else if (key === 'k' || key === 'ArrowUp') move(steered, -1);
  else if (key === 'Escape' && selected !== undefined) deselect();
  else if (key === 'Enter' && steered.activeId !== undefined) select(steered.activeId);
  else if (key === 'f') filterByPerson(steered, false);
  else if (key === 'x') filterByPerson(steered, true);
  else if (key === 'l') navigate(hrefWith({ isLive: !isLive }));
  else if (key === '[') setRange(shiftRange(range, -1, Date.now()));
  else if (key === ']') setRange(shiftRange(range, 1, Date.now()));
  else return false;
  return true;
}

/** Listens while the page is shown. */
export function useEventKeys(steered: Steered): void {
  const latest = useRef(steered);
  latest.current = steered;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isTyping(event)) return;
      const isOnControl = event.target instanceof HTMLElement && event.target.closest('a, button, summary') !== null;
      if (event.key === 'Enter' && isOnControl) return;
      if (steer(latest.current, event.key)) event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}
