// One event told in one sentence that somebody who has never used Docker understands, and the short forms for a row.
// Pure, and plain text: whoever shows it makes hostile characters visible.
import type { StoredAccessEvent } from '@dockledger/contract';
import { toActionWords, toPast } from './action-words.ts';

/** The names of the person and of the rights used. */
export interface Who {
  readonly user: string;
  /** The user whose rights were used, when it is not the person. */
  readonly as?: string;
}

/** Who did it. An unknown person is an empty name. */
export function toWho(event: StoredAccessEvent): Who {
  const { user, effectiveUser } = event.actor;
  return {
    user,
    ...(effectiveUser !== undefined && effectiveUser !== '' && effectiveUser !== user && { as: effectiveUser }),
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The container or other thing it was done to, without Docker's leading slash; empty when nothing is named. */
export function toTargetName(event: StoredAccessEvent): string {
  const { containerName, containerId, other } = event.target;
  const name = containerName ?? '';
  if (name !== '') return name.replace(/^\//u, '');
  return containerId === undefined || containerId === '' ? (other ?? '') : containerId.slice(0, 12);
}

/** What was done, in a few words: `list containers`, `sudo docker ps`, `ssh in`. */
export function toWhat(event: StoredAccessEvent): string {
  if (event.type === 'sudo') return event.api.startsWith('sudo ') ? event.api : `sudo ${event.api}`;
  if (event.type === 'sshd') return event.decision.effect === 'deny' ? 'ssh login failed' : toSshWords(event);
  if (event.type === 'gap') return 'events are missing here';
  if (event.type === 'docker') {
    return toShortWords(event.api);
  }
  return event.decision.text === '' ? event.api : event.decision.text;
}

/** Without the container or image, which have columns of their own: `read the logs`, `create container`. */
function toShortWords(api: string): string {
  const { verb, object } = toActionWords(api);
  const short = object
    .replace(/ into a container$/u, ' in')
    .replace(/(?: in| of) (?:a container|an image)$/u, '')
    .replace(/^an? /u, '');
  return short === '' ? verb : `${verb} ${short}`;
}

function toSshWords(event: StoredAccessEvent): string {
  if (/disconnect|close|logout/iu.test(event.api)) return 'ssh session ended';
  const method = text(event.details?.['method']);
  return method === '' ? 'ssh login' : `ssh login by ${method}`;
}

/** How it came out, for programs and for colour. */
export type Result = 'allowed' | 'refused' | 'failed' | 'gap';

/** Refused by a rule, failed at the engine, a gap in the record, or allowed. */
export function toResult(event: StoredAccessEvent): Result {
  if (event.type === 'gap') return 'gap';
  if (event.decision.effect === 'deny') return 'refused';
  return event.outcome.state === 'failed' || (event.outcome.status ?? 0) >= 400 ? 'failed' : 'allowed';
}

function toPrivileges(event: StoredAccessEvent): string {
  const summary = event.request?.summary ?? {};
  const host = summary['HostConfig'];
  const isPrivileged =
    summary['privileged'] === true ||
    summary['Privileged'] === true ||
    (typeof host === 'object' && host !== null && 'Privileged' in host && host.Privileged === true);
  return isPrivileged ? 'a privileged container' : 'a container';
}

function toObject(event: StoredAccessEvent): string {
  const name = toTargetName(event);
  const image = event.target.imageName ?? '';
  if (event.api === 'container_create' || event.api === 'create') {
    return `${toPrivileges(event)}${name === '' ? '' : ` named ${name}`}${image === '' ? '' : ` from ${image}`}`;
  }
  const { object } = toActionWords(event.api);
  if (/\ba container$/u.test(object) && name !== '') {
    return `${object.replace(/\ba container$/u, `container ${name}`)}${image === '' ? '' : ` (${image})`}`;
  }
  if (/\ban image$/u.test(object) && image !== '') return object.replace(/\ban image$/u, `image ${image}`);
  if (/^an? \w+$/u.test(object) && name !== '') return `${object.replace(/^an? /u, '')} ${name}`;
  return object;
}

function toSubject(event: StoredAccessEvent): string {
  const { user, as } = toWho(event);
  const person = user === '' ? 'Somebody unknown' : user;
  if (as === undefined) return person;
  const isSudo = event.actor.userSource === 'login' || event.actor.userSource === 'ancestor';
  return `${person}, as ${as}${isSudo && as === 'root' ? ' through sudo' : ''},`;
}

function toPlace(event: StoredAccessEvent): string {
  const source = event.actor.sourceIP ?? '';
  const host = event.host.hostname === '' ? '' : ` on ${event.host.hostname}`;
  return `${host}${source === '' ? '' : ` from ${source}`}`;
}

function toDockerSentence(event: StoredAccessEvent): string {
  const subject = toSubject(event);
  const object = toObject(event);
  const { verb } = toActionWords(event.api);
  const tail = object === '' ? '' : ` ${object}`;
  if (event.decision.effect === 'deny') return `${subject} was refused to ${verb}${tail}${toPlace(event)}`;
  if (toResult(event) === 'failed') {
    const status = event.outcome.status === undefined ? '' : `: the engine answered ${event.outcome.status}`;
    return `${subject} tried to ${verb}${tail}${toPlace(event)}${status}`;
  }
  return `${subject} ${toPast(verb)}${tail}${toPlace(event)}`;
}

function toSshSentence(event: StoredAccessEvent): string {
  const subject = toSubject(event);
  if (event.decision.effect === 'deny') return `${subject} failed to log in by SSH${toPlace(event)}`;
  return /disconnect|close|logout/iu.test(event.api)
    ? `${subject} ended an SSH session${toPlace(event)}`
    : `${subject} logged in by SSH${toPlace(event)}`;
}

function toSudoSentence(event: StoredAccessEvent): string {
  const { user, as } = toWho(event);
  const person = user === '' ? 'Somebody unknown' : user;
  const target = text(event.details?.['targetUser']) || as || 'another user';
  const verb = event.decision.effect === 'deny' ? 'was refused to run' : 'ran';
  return `${person} ${verb} “${event.api}” as ${target}${toPlace(event)}`;
}

function toBody(event: StoredAccessEvent): string {
  if (event.type === 'docker') return toDockerSentence(event);
  if (event.type === 'sshd') return toSshSentence(event);
  if (event.type === 'sudo') return toSudoSentence(event);
  const told = event.decision.text === '' ? `${event.type} ${event.api}` : event.decision.text;
  return told.replace(/\.$/u, '');
}

/** The whole sentence, with its full stop. */
export function toSentence(event: StoredAccessEvent): string {
  const rule = event.decision.effect === 'deny' && event.decision.rule !== '' ? `, by rule ${event.decision.rule}` : '';
  const times = event.count > 1 ? `, ${event.count} times` : '';
  return `${toBody(event)}${rule}${times}.`;
}
