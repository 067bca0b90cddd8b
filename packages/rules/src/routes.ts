// The engine's route table as data: every route of 20.10 and 29.7, in registration order, with its action name.
// Invariant: order is the router's own and the first match wins; action names are stable, since rules and recorded
// events carry them. A route that is in one version only is matched always: the engine answers 404 where it is not.
import type { Target } from '@dockledger/contract';
import type { RequestMethod } from './request-head.ts';

/**
 * What a call can do, as far as rules care. `sensitive-read`: a GET that takes out file contents, secrets or memory,
 * which a read-only rule does not cover. `write`: everything else that is no plain read, GET or not.
 */
export type ActionClass = 'read' | 'sensitive-read' | 'write';

/** The kind of thing that a call acts on, as the access event names it. `other`: the builder, or an unknown route. */
export type TargetKind = NonNullable<Target['kind']>;

/**
 * How a route's body is treated: `json` is read, judged and re-serialised; `stream` passes unread (tar, raw input);
 * `none`: the engine reads none, so one that is sent is refused or dropped.
 */
export type BodyKind = 'none' | 'json' | 'stream';

/** One route of the engine. */
export interface Route {
  /** `*`: any method, as with the debug routes. */
  readonly method: RequestMethod | '*';
  /** As the engine registers it: `{x}` is one element, `{x:.*}` may hold slashes. */
  readonly template: string;
  /** Stable name, the `api` of access events. */
  readonly action: string;
  readonly class: ActionClass;
  readonly targetKind: TargetKind;
  readonly body: BodyKind;
  /** The engine may take the connection over: tunnel after its 101, or its 200 with a raw stream. */
  readonly hijacks: boolean;
  /** Which of the two tables list it. */
  readonly engines: 'both' | '20.10' | '29.7';
}

interface RouteOptions {
  readonly class?: ActionClass;
  readonly body?: BodyKind;
  readonly hijacks?: boolean;
  readonly engines?: Route['engines'];
}

function route(
  line: `${RequestMethod | '*'} /${string}`,
  action: string,
  targetKind: TargetKind,
  options: RouteOptions = {},
): Route {
  const space = line.indexOf(' ');
  const method = line.slice(0, space) as Route['method'];
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  return {
    method,
    template: line.slice(space + 1),
    action,
    targetKind,
    class: options.class ?? (isRead ? 'read' : 'write'),
    body: options.body ?? 'none',
    hijacks: options.hijacks ?? false,
    engines: options.engines ?? 'both',
  };
}

const json = { body: 'json' } as const;
const stream = { body: 'stream' } as const;
const sensitive = { class: 'sensitive-read' } as const;

/** The engine registers these without a method check, behind all others. */
function debugRoutes(prefix: '/debug' | '', engines: Route['engines']): readonly Route[] {
  const debug = { class: 'sensitive-read', engines } as const;
  return [
    route(`* ${prefix}/vars`, 'debug_vars', 'system', debug),
    route(`* ${prefix}/pprof/`, 'debug_pprof_index', 'system', debug),
    route(`* ${prefix}/pprof/cmdline`, 'debug_pprof_cmdline', 'system', debug),
    route(`* ${prefix}/pprof/profile`, 'debug_pprof_profile', 'system', debug),
    route(`* ${prefix}/pprof/symbol`, 'debug_pprof_symbol', 'system', debug),
    route(`* ${prefix}/pprof/trace`, 'debug_pprof_trace', 'system', debug),
    route(`* ${prefix}/pprof/{name}`, 'debug_pprof_lookup', 'system', debug),
  ];
}

/** Every route, in the order in which the engine registers them. */
export const routes: readonly Route[] = [
  // Checkpoints come before containers, or the container's DELETE would take theirs.
  route('GET /containers/{name:.*}/checkpoints', 'container_checkpoint_list', 'container'),
  route('POST /containers/{name:.*}/checkpoints', 'container_checkpoint_create', 'container', json),
  route('DELETE /containers/{name}/checkpoints/{checkpoint}', 'container_checkpoint_delete', 'container'),

  route('HEAD /containers/{name:.*}/archive', 'container_archive_head', 'container'),
  route('GET /containers/json', 'container_list', 'container'),
  route('GET /containers/{name:.*}/export', 'container_export', 'container', sensitive),
  route('GET /containers/{name:.*}/changes', 'container_changes', 'container'),
  route('GET /containers/{name:.*}/json', 'container_inspect', 'container'),
  route('GET /containers/{name:.*}/top', 'container_top', 'container'),
  route('GET /containers/{name:.*}/logs', 'container_logs', 'container'),
  route('GET /containers/{name:.*}/stats', 'container_stats', 'container'),
  route('GET /containers/{name:.*}/attach/ws', 'container_attachws', 'container', { class: 'write', hijacks: true }),
  route('GET /exec/{id:.*}/json', 'container_exec_inspect', 'exec'),
  route('GET /containers/{name:.*}/archive', 'container_archive', 'container', sensitive),
  route('POST /containers/create', 'container_create', 'container', json),
  route('POST /containers/{name:.*}/kill', 'container_kill', 'container'),
  route('POST /containers/{name:.*}/pause', 'container_pause', 'container'),
  route('POST /containers/{name:.*}/unpause', 'container_unpause', 'container'),
  route('POST /containers/{name:.*}/restart', 'container_restart', 'container'),
  route('POST /containers/{name:.*}/start', 'container_start', 'container', json),
  route('POST /containers/{name:.*}/stop', 'container_stop', 'container'),
  route('POST /containers/{name:.*}/wait', 'container_wait', 'container'),
  route('POST /containers/{name:.*}/resize', 'container_resize', 'container'),
  route('POST /containers/{name:.*}/attach', 'container_attach', 'container', { hijacks: true }),
  route('POST /containers/{name:.*}/copy', 'container_copyfiles', 'container', { ...json, engines: '20.10' }),
  route('POST /containers/{name:.*}/exec', 'container_exec_create', 'container', json),
  route('POST /exec/{name:.*}/start', 'container_exec_start', 'exec', { ...json, hijacks: true }),
  route('POST /exec/{name:.*}/resize', 'container_exec_resize', 'exec'),
  route('POST /containers/{name:.*}/rename', 'container_rename', 'container'),
  route('POST /containers/{name:.*}/update', 'container_update', 'container', json),
  route('POST /containers/prune', 'container_prune', 'container'),
  route('POST /commit', 'container_commit', 'container', json),
  route('PUT /containers/{name:.*}/archive', 'container_extract', 'container', stream),
  route('DELETE /containers/{name:.*}', 'container_delete', 'container'),

  route('GET /images/json', 'image_list', 'image'),
  route('GET /images/search', 'images_search', 'image'),
  route('GET /images/get', 'images_archive', 'image', sensitive),
  route('GET /images/{name:.*}/get', 'images_archive', 'image', sensitive),
  route('GET /images/{name:.*}/history', 'image_history', 'image'),
  route('GET /images/{name:.*}/json', 'image_inspect', 'image'),
  route('GET /images/{name:.*}/attestations', 'image_attestations', 'image', { engines: '29.7' }),
  route('POST /images/load', 'images_load', 'image', stream),
  route('POST /images/create', 'image_create', 'image', stream),
  route('POST /images/{name:.*}/push', 'image_push', 'image', json),
  route('POST /images/{name:.*}/tag', 'image_tag', 'image'),
  route('POST /images/prune', 'image_prune', 'image'),
  route('DELETE /images/{name:.*}', 'image_delete', 'image'),

  route('OPTIONS /{anyroute:.*}', 'docker_options', 'system'),
  route('GET /_ping', 'docker_ping', 'system'),
  route('HEAD /_ping', 'docker_ping', 'system'),
  route('GET /events', 'docker_events', 'system'),
  route('GET /info', 'docker_info', 'system'),
  route('GET /version', 'docker_version', 'system'),
  route('GET /system/df', 'docker_disk_usage', 'system'),
  route('POST /auth', 'docker_check_auth', 'system', json),

  route('GET /volumes', 'volume_list', 'volume'),
  route('GET /volumes/{name:.*}', 'volume_inspect', 'volume'),
  route('POST /volumes/create', 'volume_create', 'volume', json),
  route('POST /volumes/prune', 'volume_prune', 'volume'),
  route('PUT /volumes/{name:.*}', 'volume_update', 'volume', { ...json, engines: '29.7' }),
  route('DELETE /volumes/{name:.*}', 'volume_remove', 'volume'),

  route('POST /build', 'image_build', 'image', stream),
  route('POST /build/prune', 'build_prune', 'other'),
  route('POST /build/cancel', 'build_cancel', 'other'),
  route('POST /session', 'buildkit_session', 'other', { hijacks: true }),

  route('POST /swarm/init', 'swarm_init', 'swarm', json),
  route('POST /swarm/join', 'swarm_join', 'swarm', json),
  route('POST /swarm/leave', 'swarm_leave', 'swarm'),
  route('GET /swarm', 'swarm_inspect', 'swarm'),
  route('GET /swarm/unlockkey', 'swarm_unlock_key', 'swarm', sensitive),
  route('POST /swarm/update', 'swarm_update', 'swarm', json),
  route('POST /swarm/unlock', 'swarm_unlock', 'swarm', json),
  route('GET /services', 'service_list', 'service'),
  route('GET /services/{id}', 'service_inspect', 'service'),
  route('POST /services/create', 'service_create', 'service', json),
  route('POST /services/{id}/update', 'service_update', 'service', json),
  route('DELETE /services/{id}', 'service_remove', 'service'),
  route('GET /services/{id}/logs', 'service_logs', 'service'),
  route('GET /nodes', 'node_list', 'node'),
  route('GET /nodes/{id}', 'node_inspect', 'node'),
  route('DELETE /nodes/{id}', 'node_delete', 'node'),
  route('POST /nodes/{id}/update', 'node_update', 'node', json),
  route('GET /tasks', 'task_list', 'task'),
  route('GET /tasks/{id}', 'task_inspect', 'task'),
  route('GET /tasks/{id}/logs', 'task_logs', 'task'),
  route('GET /secrets', 'secret_list', 'secret'),
  route('POST /secrets/create', 'secret_create', 'secret', json),
  route('DELETE /secrets/{id}', 'secret_remove', 'secret'),
  route('GET /secrets/{id}', 'secret_inspect', 'secret'),
  route('POST /secrets/{id}/update', 'secret_update', 'secret', json),
  route('GET /configs', 'config_list', 'config'),
  route('POST /configs/create', 'config_create', 'config', json),
  route('DELETE /configs/{id}', 'config_delete', 'config'),
  route('GET /configs/{id}', 'config_inspect', 'config', sensitive),
  route('POST /configs/{id}/update', 'config_update', 'config', json),

  route('GET /plugins', 'plugin_list', 'plugin'),
  route('GET /plugins/{name:.*}/json', 'plugin_inspect', 'plugin'),
  route('GET /plugins/privileges', 'plugin_privileges', 'plugin'),
  route('DELETE /plugins/{name:.*}', 'plugin_remove', 'plugin'),
  route('POST /plugins/{name:.*}/enable', 'plugin_enable', 'plugin'),
  route('POST /plugins/{name:.*}/disable', 'plugin_disable', 'plugin'),
  route('POST /plugins/pull', 'plugin_pull', 'plugin', json),
  route('POST /plugins/{name:.*}/push', 'plugin_push', 'plugin'),
  route('POST /plugins/{name:.*}/upgrade', 'plugin_upgrade', 'plugin', json),
  route('POST /plugins/{name:.*}/set', 'plugin_set', 'plugin', json),
  route('POST /plugins/create', 'plugin_create', 'plugin', stream),

  route('GET /distribution/{name:.*}/json', 'distribution_inspect', 'image'),

  route('GET /networks', 'network_list', 'network'),
  route('GET /networks/', 'network_list', 'network'),
  route('GET /networks/{id:.+}', 'network_inspect', 'network'),
  route('POST /networks/create', 'network_create', 'network', json),
  route('POST /networks/{id:.*}/connect', 'network_connect', 'network', json),
  route('POST /networks/{id:.*}/disconnect', 'network_disconnect', 'network', json),
  route('POST /networks/prune', 'network_prune', 'network'),
  route('DELETE /networks/{id:.*}', 'network_remove', 'network'),

  route('POST /grpc', 'buildkit_grpc', 'other', { hijacks: true }),

  // The 20.10 table lists them without the prefix under which they are served.
  ...debugRoutes('/debug', '29.7'),
  ...debugRoutes('', '20.10'),
];

/** The action of a path that no route matches. A rule covers it only by `*`. */
export const unknownAction = 'unknown';

/** Every action name there is, `unknown` included, in table order, each once. */
export const actionNames: readonly string[] = [...new Set([...routes.map((each) => each.action), unknownAction])];

/**
 * Actions that open a tunnel nobody can look into. While a blocking compliance rule is in force, hand these to
 * `compileRules` as `explicitActions`: a build could otherwise do what a create may not.
 */
export const opaqueTunnelActions: readonly string[] = ['buildkit_session', 'buildkit_grpc'];
