// Records what requests did once they are answered. A route says its kind; nothing of a request's body enters the record.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ManagementAudit, ManagementKind } from './management-audit.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The kind under which calls of this route are put on record. Left out: not recorded. */
    audit?: ManagementKind;
    /** True for answers that stay open: they are put on record when they are opened. */
    isStream?: boolean;
  }
  interface FastifyRequest {
    /** What a change changed, for the record. Set by the route's handler. */
    auditDiff: string;
  }
}

const paging = new Set(['offset', 'limit', 'cursor', 'sort', 'reverse', 'order', 'buckets', 'columns']);
const longestFilter = 1000;

/** Adds the recording to a server. Call before any route is added. */
export function addManagementAudit(app: FastifyInstance, audit: ManagementAudit): void {
  app.decorateRequest('auditDiff', '');
  // A stream never ends by itself: it counts when it is opened.
  app.addHook('preHandler', async (request) => {
    if (!request.is404 && request.routeOptions.config.isStream === true) recordCall(audit, request, 200);
  });
  app.addHook('onResponse', async (request, reply) => {
    if (!request.is404 && request.routeOptions.config.isStream !== true) recordCall(audit, request, reply.statusCode);
  });
}

function recordCall(audit: ManagementAudit, request: FastifyRequest, status: number): void {
  const kind = request.routeOptions.config.audit;
  if (kind === undefined || request.signedIn === undefined) return;
  const hasFailed = status >= 400;
  // A read that was refused showed nothing.
  if (kind === 'read' && hasFailed) return;
  const route = `${request.method} ${request.url.split('?', 1)[0] ?? ''}`;
  audit.record({
    kind,
    username: request.signedIn.username,
    address: request.ip,
    route,
    text: kind === 'read' ? 'Read the trail' : `${hasFailed ? 'Tried' : 'Did'} ${route}`,
    hasFailed,
    diff: hasFailed ? '' : request.auditDiff,
    ...(kind === 'read' && { filter: filterOf(request) }),
  });
}

function filterOf(request: FastifyRequest): string {
  const params = new URLSearchParams(request.url.split('?')[1] ?? '');
  const kept = [...params].filter(([name]) => !paging.has(name));
  return new URLSearchParams(kept).toString().slice(0, longestFilter);
}
