// Serves the built page: hashed assets for ever, everything else revalidated, one strict Content-Security-Policy, no inline script.
// Only files that were found under the web root at loading are served; a path from outside never reaches the file system.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** What the page may load: its own files and the Console's API, nothing else. */
export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

interface WebFile {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
  readonly isHashed: boolean;
}

/** Answers a GET that no route took. Resolves to false when the path is none of the page's. */
export type ServeWebFile = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;

/** Serves the page from `root`. A missing build answers a text that says how to make it, until it is there. */
export function createWebFiles(root: string): ServeWebFile {
  let files: ReadonlyMap<string, WebFile> | undefined;
  return async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    if (/^\/(?:api|defender|ledger)(?:\/|$)/.test(path)) return false;
    files ??= await loadFiles(root);
    const file = files?.get(path) ?? (extname(path) === '' ? files?.get('/index.html') : undefined);
    void reply.header('content-security-policy', contentSecurityPolicy).header('x-frame-options', 'DENY');
    if (files === undefined && extname(path) === '') {
      const text =
        'The page is not built yet. Run `npm run build --workspace packages/web`, then load this address again. The API works without it.\n';
      await reply.code(503).header('content-type', 'text/plain; charset=utf-8').send(text);
      return true;
    }
    if (file === undefined) return false;
    void reply
      .header('cache-control', file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
      .header('etag', file.etag)
      .header('content-type', file.type);
    if (request.headers['if-none-match'] === file.etag) await reply.code(304).send();
    else await reply.code(200).send(file.bytes);
    return true;
  };
}

async function loadFiles(root: string): Promise<ReadonlyMap<string, WebFile> | undefined> {
  const files = new Map<string, WebFile>();
  try {
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const full = join(entry.parentPath, entry.name);
      const path = `/${relative(root, full).split(sep).join('/')}`;
      const bytes = await readFile(full);
      files.set(path, {
        bytes,
        type: types[extname(path)] ?? 'application/octet-stream',
        etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
        isHashed: path.startsWith('/assets/'),
      });
    }
  } catch {
    return undefined;
  }
  return files.has('/index.html') ? files : undefined;
}
