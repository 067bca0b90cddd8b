// From a recorded Docker call back to the facts that it was judged on, so that a draft of the rules can be tried on what really happened.
// Invariant: only calls that the access rules judged give facts; what a record does not hold is left out, never guessed.
import type { StoredAccessEvent } from '@dockledger/contract';
import { type BodyValue, hostPathsOf, type RequestFacts, routes } from '@dockledger/rules';

const classes = new Map(routes.map((route) => [route.action, route.class]));

/** Whether an action reads or changes; what is not in the route table counts as changing. */
export function classOfAction(action: string): RequestFacts['class'] {
  return classes.get(action) ?? 'write';
}

const judgedReasons = new Set(['rule', 'no-rule-matched', 'readonly', 'device']);

function principalsOf({ actor }: StoredAccessEvent): readonly string[] {
  const uid = actor.loginUid ?? (actor.userSource === 'peer' ? actor.uid : undefined);
  return [
    actor.user,
    ...(uid === undefined || actor.containerId !== undefined ? [] : [`uid:${uid}`]),
    ...(actor.containerId === undefined ? [] : [`container:${actor.containerId}`]),
    ...(actor.certificate === undefined ? [] : [actor.certificate]),
  ];
}

function hostPathsIn({ api, request }: StoredAccessEvent): readonly string[] {
  const summary = request?.summary;
  if (summary === undefined) return [];
  // A summary holds the fields of HostConfig flat.
  return hostPathsOf(api, (api === 'container_create' ? { HostConfig: summary } : summary) as BodyValue);
}

/** The facts of a recorded call; undefined for events that no access rule judged. */
export function toRecordedFacts(event: StoredAccessEvent): RequestFacts | undefined {
  if (event.type !== 'docker' || !judgedReasons.has(event.decision.reason)) return undefined;
  const { target, host, actor } = event;
  return {
    action: event.api,
    class: classOfAction(event.api),
    user: actor.user,
    principals: principalsOf(event),
    groups: actor.groups ?? [],
    target: {
      hostname: host.hostname,
      fqdn: host.fqdn,
      cluster: host.cluster,
      accountID: host.accountID,
      containerName: target.containerName,
      imageName: target.imageName,
      labels: target.labels,
      namespace: target.namespace,
    },
    hostDevices: hostPathsIn(event),
  };
}
