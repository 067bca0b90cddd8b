// The prefix of the compatible API. A path of a version that was never released is unknown, whatever follows it.
import { compatibleApiVersions } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';

/** Adds routes under every version of the compatible API. `request.params.version` names the version. */
export async function addCompatibleRoutes(
  app: FastifyInstance,
  addRoutes: (scope: FastifyInstance) => void,
): Promise<void> {
  await app.register(
    async (scope) => {
      addRoutes(scope);
    },
    { prefix: '/api/v:version' },
  );
}

/** Refuses paths of unknown versions, before anything else is looked at. */
export function addVersionCheck(app: FastifyInstance): void {
  app.addHook('onRequest', async (request) => {
    const version = /^\/api\/v([^/?]*)/.exec(request.url)?.[1];
    if (version === undefined || compatibleApiVersions.has(version)) return;
    const sentence = `There is no API version "${version.slice(0, 50)}". There are 1 and ${[...compatibleApiVersions].slice(1).join(', ')}.`;
    throw new AppError('unknown_version', sentence);
  });
}
