// The saved views: names for a query, own and shared. Opening one is a link like any other.
import { useState } from 'preact/hooks';
import { toShownFailure } from '../../api/client.ts';
import { loadViews, removeView, type SavedView, saveView } from '../../api/saved-views.ts';
import { Icon } from '../../components/icon.tsx';
import { Link } from '../../components/link.tsx';
import { Menu } from '../../components/menu.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { formatEventsQuery, parseEventsQuery } from '../../lib/events-query.ts';
import { toVisibleText } from '../../lib/visible-text.ts';
import { useResource } from '../../state/resource.ts';
import { session } from '../../state/session.ts';
import { query } from './query-state.ts';

/** What a view keeps of the page: filter and range, not the open event. */
function toKept(search: string): string {
  const { selected: _, ...rest } = parseEventsQuery(search, Date.now());
  return formatEventsQuery(rest);
}

function ViewRow({ view, onRemove }: { readonly view: SavedView; readonly onRemove: (() => void) | undefined }) {
  const isOpen = view.query === toKept(formatEventsQuery(query.value));
  const by = session.value.state === 'signed-in' && session.value.username !== view.owner ? view.owner : '';
  return (
    <div class="view-row">
      <Link
        class="menu-item"
        href={view.query === '' ? '/events' : `/events?${view.query}`}
        title={toVisibleText(
          decodeURIComponent(view.query.replaceAll('+', ' ').replaceAll(/%(?![\da-f]{2})/giu, '%25')),
        )}
        {...(isOpen && { 'aria-current': 'true' as const })}
      >
        <SafeText text={view.name} />
        {by !== '' && (
          <span class="muted">
            {' '}
            by <SafeText text={by} />
          </span>
        )}
        {by === '' && view.isShared && <span class="muted"> shared</span>}
      </Link>
      {onRemove !== undefined && (
        <button
          type="button"
          class="column-move"
          aria-label={`Remove the view ${toVisibleText(view.name)}`}
          title="Remove"
          onClick={onRemove}
        >
          <Icon name="close" size={11} />
        </button>
      )}
    </div>
  );
}

function Views() {
  const { data, failure, reload } = useResource('saved views', loadViews);
  const [name, setName] = useState('');
  const [isShared, setIsShared] = useState(false);
  const [problem, setProblem] = useState('');
  const act = async (change: () => Promise<unknown>) => {
    setProblem('');
    try {
      await change();
      setName('');
      reload();
    } catch (error) {
      setProblem(toShownFailure(error).message);
    }
  };
  const username = session.value.state === 'signed-in' ? session.value.username : '';
  const isKnown = data?.some((view) => view.owner === username && view.name === name.trim()) === true;
  return (
    <div class="views">
      {failure !== undefined && <p class="muted">{failure.message}</p>}
      {data?.length === 0 && <p class="muted">No saved view yet. A view keeps filter and range under a name.</p>}
      <div class="view-list">
        {data?.map((view) => (
          <ViewRow
            key={view.id}
            view={view}
            onRemove={view.owner === username ? () => void act(() => removeView(view.id)) : undefined}
          />
        ))}
      </div>
      <hr />
      <form
        class="view-form"
        onSubmit={(event) => {
          event.preventDefault();
          const view = { name: name.trim(), query: toKept(formatEventsQuery(query.value)), isShared };
          void act(() => saveView(view));
        }}
      >
        <label>
          Save this view as
          <input
            type="text"
            maxLength={100}
            required
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={isShared} onChange={(event) => setIsShared(event.currentTarget.checked)} />
          Share with everybody
        </label>
        <button type="submit" class="button" disabled={name.trim() === ''}>
          {isKnown ? 'Replace' : 'Save'}
        </button>
        {problem !== '' && <p role="alert">{problem}</p>}
      </form>
    </div>
  );
}

/** The button with its panel. */
export function ViewsMenu() {
  return (
    <Menu title="Saved views" align="end" label={<span>Views</span>}>
      {() => <Views />}
    </Menu>
  );
}
