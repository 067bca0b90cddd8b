// Drives the Console with clients that other people wrote, by nothing but its OpenAPI document. In a process of its own, because
// these clients trust an authority by the environment only. Prints what they got as JSON.
import { OpenAPIClientAxios } from 'openapi-client-axios';
import createSwaggerClient from 'swagger-client';

const [base = '', username = '', password = ''] = process.argv.slice(2);
const url = `${base}/api/dockledger/v1/openapi.json`;

const swagger = await createSwaggerClient({ url, authorizations: { basic: { username, password } } });
const bySwagger = await swagger.execute({
  // The client turns dashes into underscores.
  operationId: 'get_audits_access',
  parameters: { user: ['alice', 'bob, the builder'], limit: 2, reverse: true, allow: 'true' },
});
const saved = await swagger.execute({
  operationId: 'post_collections',
  requestBody: { name: 'from swagger', containers: ['web*'] },
});

const client = await new OpenAPIClientAxios({
  definition: url,
  // Arrays as repeated keys, as the document says; axios would write `user[]`, which the compatible API ignores.
  axiosConfigDefaults: { auth: { username, password }, baseURL: base, paramsSerializer: { indexes: null } },
}).init();
const list = client['get-audits-access'];
const usages = client['get-collections-name-usages'];
if (list === undefined || usages === undefined) throw new Error('An operation is missing from the document.');
const byAxios = await list({ user: ['alice', 'bob, the builder'], from: '2026-11-23T10:00:00Z' });
const usagesByAxios = await usages({ name: 'from swagger' });

const toTotal = (headers: unknown) => (headers as Record<string, unknown>)['total-count'];
console.log(
  JSON.stringify({
    swagger: { status: bySwagger.status, total: toTotal(bySwagger.headers), body: bySwagger.body },
    saved: saved.status,
    axios: { status: byAxios.status, total: toTotal(byAxios.headers), body: byAxios.data as unknown },
    usages: usagesByAxios.data as unknown,
  }),
);
