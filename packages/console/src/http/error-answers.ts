// The one place that turns errors into answers. A 4xx says its sentence; a 5xx says the request id only, unless the error is ours.
// Compatible routes answer `{"err"}`, all others `{code, message, requestId, details?}`. No stack, SQL or path leaves the process.
import { AppError, type ErrorCode } from '@dockledger/contract/error-code';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';

/** Body of every native answer that is not 2xx. */
export const ErrorBody = Type.Object({
  code: Type.String(),
  message: Type.String(),
  requestId: Type.String(),
  details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

/** Body of every compatible answer that is not 2xx. */
export const CompatibleErrorBody = Type.Object({ err: Type.String() });

/** True for paths of the compatible API, whatever version they name. */
export function isCompatiblePath(url: string): boolean {
  return /^\/api\/v[^/]*(?:[/?]|$)/.test(url);
}

const codeByFrameworkStatus: Readonly<Record<number, ErrorCode>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'too_large',
  415: 'unsupported_media_type',
};

/** Turns whatever was thrown into an error of ours. Undefined when it must not be explained to the caller. */
export function toAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  if (!(error instanceof Error)) return undefined;
  const { validation, validationContext, statusCode } = error as Partial<FastifyError>;
  if (validation !== undefined) {
    const [first] = validation;
    const where = (first?.instancePath ?? '').slice(1).replaceAll('/', '.');
    const part = validationContext === 'querystring' ? 'parameter' : (validationContext ?? 'request');
    const subject = where === '' ? `The ${part}` : `The ${part} ${where}`;
    return new AppError('bad_parameter', `${subject} is not as expected: ${first?.message ?? 'invalid'}.`);
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new AppError(codeByFrameworkStatus[statusCode] ?? 'bad_request', frameworkSentence(statusCode, error));
  }
  return undefined;
}

function frameworkSentence(status: number, error: Error): string {
  if (status === 413) return 'The body is larger than this route takes.';
  if (status === 415) return 'The body must be application/json.';
  // Fastify's own 4xx texts speak of the request only.
  return error.message;
}

/** Answers the error in the form that the path asks for and logs it once. */
export async function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const known = toAppError(error);
  const status = known?.status ?? 500;
  if (status >= 500) request.log.error({ err: error }, 'request failed');
  else request.log.debug({ code: known?.code }, 'request refused');
  const message = known === undefined ? `Internal error. Request id: ${request.id}.` : known.message;
  const retryAfter = known?.details?.['retryAfterSeconds'];
  if (typeof retryAfter === 'number') void reply.header('retry-after', Math.max(1, Math.ceil(retryAfter)));
  if (known?.code === 'unauthenticated' && isCompatiblePath(request.url) && !request.headers['sec-fetch-site']) {
    // Never for the page's own requests: a browser would open its own password dialog over the page.
    void reply.header('www-authenticate', 'Basic realm="Dockledger", charset="UTF-8"');
  }
  const body = isCompatiblePath(request.url)
    ? { err: message }
    : {
        code: known?.code ?? 'internal',
        message,
        requestId: request.id,
        ...(known?.details && { details: known.details }),
      };
  await reply.code(status).header('content-type', 'application/json; charset=utf-8').send(body);
}

/** Answers a GET that no route takes. Resolves to false when it has no answer either. */
export type Fallback = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;

/** Adds the error answers, and 404 or 405 for what neither a route nor the fallback takes. */
export function addErrorAnswers(app: FastifyInstance, fallback: Fallback | undefined): void {
  const routes: { readonly method: string; readonly pattern: RegExp }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    const pattern = new RegExp(
      `^${url
        .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
        .replaceAll(/:[A-Za-z]+/g, '[^/]+')
        .replaceAll('*', '.*')}$`,
    );
    for (const name of [method].flat()) routes.push({ method: name, pattern });
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (isRead && fallback !== undefined && (await fallback(request, reply))) return;
    const allowed = routes.filter((route) => route.pattern.test(path)).map((route) => route.method);
    if (allowed.length === 0 || allowed.includes(request.method)) {
      return answerError(new AppError('not_found', 'There is nothing at this address.'), request, reply);
    }
    const methods = [...new Set(allowed)].toSorted().join(', ');
    void reply.header('allow', methods);
    const sentence = `This address does not take ${request.method}. It takes ${methods}.`;
    return answerError(new AppError('method_not_allowed', sentence), request, reply);
  });
}
