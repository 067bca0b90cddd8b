// Findings on running containers: in from the Defenders, out to people and scripts. Nothing is enforced by them.
import { ContainerFindings, ContainersReport, channelRoutes, defenderHeader } from '@dockledger/contract';
import { AppError } from '@dockledger/contract/error-code';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { parseBoundedJson } from '../http/bounded-json.ts';
import type { ContainersRegistry } from './containers-registry.ts';

/** Answer of the list. `looks` says when each Defender looked, so that an empty list can be told from none. */
export const ContainersFindingsBody = Type.Object({
  containers: Type.Array(
    Type.Object({
      ...ContainerFindings.properties,
      defenderId: Type.String(),
      hostname: Type.String(),
      checkedAt: Type.String(),
    }),
  ),
  looks: Type.Array(
    Type.Object({
      defenderId: Type.String(),
      checkedAt: Type.String(),
      running: Type.Integer(),
      rulesVersion: Type.Integer(),
    }),
  ),
});

/** Adds the route of the channel. Its guard, that a Defender proves who it is, has to be on the server already. */
export function addContainersChannelRoute(app: FastifyInstance, containers: ContainersRegistry): void {
  app.post(channelRoutes.containers, async (request, reply) => {
    const report = parseBoundedJson(Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '');
    if (!Value.Check(ContainersReport, report)) {
      const [first] = Value.Errors(ContainersReport, report);
      throw new AppError('bad_request', `The report is not as expected at ${first?.instancePath || '/'}.`);
    }
    if (report.defenderId !== request.headers[defenderHeader])
      throw new AppError('forbidden', 'A Defender speaks for itself only.');
    containers.report(report);
    return reply.code(204).send();
  });
}

/** Adds `containers/findings` under the prefix of the native API. */
export function addContainersRoute(app: FastifyInstance, containers: ContainersRegistry): void {
  const config = { access: { permission: 'manageDefenders', grant: 'read' } } as const;
  app.get('/containers/findings', { config, schema: { response: { 200: ContainersFindingsBody } } }, async () => ({
    containers: containers.list(),
    looks: containers.looks(),
  }));
}
