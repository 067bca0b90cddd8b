// Where checkpoints are sent so that somebody else holds them: read from settings, strictly.
// A head kept elsewhere is what makes a cut-off end visible to whoever owns neither that place.
import { AppError } from '@dockledger/contract/error-code';

/** One place. `https` of a webhook and of a witness is asked with the Console's own trust or the file of the settings. */
export type HeadTarget =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'syslog'; readonly host: string; readonly port: number }
  | { readonly kind: 'webhook'; readonly url: string }
  | { readonly kind: 'witness'; readonly url: string };

/** Reads `file:/path`, `syslog:host:port` (TCP), `webhook:https://…`, `witness:https://…`. Throws `bad_setting` naming the word. */
export function parseHeadTarget(word: string): HeadTarget {
  const [, kind = '', rest = ''] = /^([a-z]+):(.+)$/.exec(word) ?? [];
  if (kind === 'file' && rest.startsWith('/')) return { kind, path: rest };
  if ((kind === 'webhook' || kind === 'witness') && URL.canParse(rest) && /^https?:$/.test(new URL(rest).protocol))
    return { kind, url: rest.replace(/\/+$/, '') };
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(rest) ?? [];
  if (kind === 'syslog' && host !== '' && Number(port) < 65_536) return { kind, host, port: Number(port) };
  throw new AppError(
    'bad_setting',
    `Setting ledgerHeads holds "${word}": write file:/path, syslog:host:port, webhook:https://… or witness:https://….`,
  );
}

/** The word that {@link parseHeadTarget} reads, for messages. */
export function formatHeadTarget(target: HeadTarget): string {
  switch (target.kind) {
    case 'file':
      return `file:${target.path}`;
    case 'syslog':
      return `syslog:${target.host}:${target.port}`;
    default:
      return `${target.kind}:${target.url}`;
  }
}
