// The saved views of the Events page: names for its addresses, own and shared.
import { call, send } from './client.ts';

/** One saved view. */
export interface SavedView {
  readonly id: string;
  readonly owner: string;
  readonly name: string;
  /** The query string of the Events page without `?`. */
  readonly query: string;
  readonly isShared: boolean;
}

const viewsPath = '/api/dockledger/v1/views';

/** Own views and those that others share, by name. */
export async function loadViews(signal?: AbortSignal): Promise<readonly SavedView[]> {
  return (await call<{ views: readonly SavedView[] }>(viewsPath, signal === undefined ? {} : { signal })).views;
}

/** Saves a view under a name; an own view of that name is replaced. */
export function saveView(view: Pick<SavedView, 'name' | 'query' | 'isShared'>): Promise<SavedView> {
  return call(viewsPath, { method: 'POST', body: view });
}

/** Removes a view. */
export async function removeView(id: string): Promise<void> {
  await send(`${viewsPath}/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
