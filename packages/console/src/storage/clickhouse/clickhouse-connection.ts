// How this Console reaches its ClickHouse: the embedded engine's unix socket or a server by URL, through the same client.
import { Agent, type AgentOptions } from 'node:http';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

/** Where ClickHouse is: a unix socket that speaks its HTTP interface, or a URL (`http(s)://user:password@host:port`). */
export type ClickHouseConnection =
  | {
      readonly socketPath: string;
      readonly username: string;
      readonly password: string;
      readonly database: string;
    }
  | { readonly url: string; readonly database: string };

// Longer than any statement may run; the engine ends statements, not the client's clock.
const requestTimeoutMs = 3_700_000;

/** A client for the connection. The caller closes it. It logs nothing: errors are thrown. */
export function createClickHouseClient(connection: ClickHouseConnection): ClickHouseClient {
  const shared = {
    database: connection.database,
    request_timeout: requestTimeoutMs,
    log: { level: ClickHouseLogLevel.OFF },
    max_open_connections: 32,
  };
  if ('url' in connection) {
    return createClient({
      ...shared,
      url: connection.url,
      compression: { request: true, response: true },
      use_multipart_params_auto: true,
    });
  }
  const agentOptions: AgentOptions & { socketPath: string } = {
    socketPath: connection.socketPath,
    keepAlive: true,
    maxSockets: 32,
  };
  return createClient({
    ...shared,
    url: 'http://localhost',
    username: connection.username,
    password: connection.password,
    http_agent: new Agent(agentOptions),
  });
}
