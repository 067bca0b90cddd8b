// The grammar of PAM modules' messages (`pam_unix(sshd:auth): …`) and of libpam's own failure counter inside sshd.
// A peer is read only for sshd, from the first `rhost=` behind fields that hold no remote text.
import { createHostLogResult, type HostLogKind, type HostLogResult } from './host-log-result.ts';
import { isIpAddress } from './peer-address.ts';

const failurePattern = /^logname=(\S*) uid=(\d+) euid=\d+ tty=(\S*) ruser=(\S*) rhost=(\S*)(.*)$/s;
const openedPattern = /^session opened for user ([^\s()]+)(?:\(uid=(\d+)\))? by ([^\s()]*)\(uid=(\d+)\)$/;
const closedPattern = /^session closed for user ([^\s()]+)$/;

/** Parses a message of `program` that begins with `pam_` or `PAM `. `tagService` is the service of old tags, `su(pam_unix)`. */
export function parsePamMessage(raw: string, program: string, tagService: string | null = null): HostLogResult | null {
  const more = /^PAM (\d+) more authentication failures?; (.*)$/s.exec(raw);
  if (more !== null) {
    const result = failure(raw, program, program, more[2] ?? '', 'pam_more_failures');
    // Each of these was also logged as a "Failed" line of its own: a figure, not further attempts.
    if (result !== null) result.detail = more[1] ?? null;
    return result;
  }
  let service = tagService;
  let text = raw;
  if (raw.startsWith('pam_')) {
    const head = /^pam_[a-z0-9_]+\(([^\s:()]+):([a-z_]+)\): /.exec(raw);
    if (head === null) return null;
    service = head[1] ?? null;
    text = raw.slice(head[0].length);
  }
  if (service === null) return null;
  if (text.startsWith('authentication failure; '))
    return failure(raw, program, service, text.slice(24), 'pam_auth_failure');
  if (text === 'check pass; user unknown') return start(raw, program, service, 'pam_user_unknown');
  const opened = openedPattern.exec(text);
  if (opened !== null) {
    const result = start(raw, program, service, 'pam_session_open');
    const isLogin = program === 'sshd' || service === 'sshd';
    result.runAsUid = opened[2] === undefined ? null : Number(opened[2]);
    result.uid = Number(opened[4]);
    result.runAs = isLogin ? null : (opened[1] ?? null);
    result.user = isLogin ? (opened[1] ?? null) : opened[3] === '' ? null : (opened[3] ?? null);
    return result;
  }
  const closed = closedPattern.exec(text);
  if (closed === null) return null;
  const result = start(raw, program, service, 'pam_session_close');
  if (program === 'sshd') result.user = closed[1] ?? null;
  else result.runAs = closed[1] ?? null;
  return result;
}

function start(raw: string, program: string, service: string, kind: HostLogKind): HostLogResult {
  const result = createHostLogResult(kind, program, raw);
  result.service = service;
  return result;
}

function failure(raw: string, program: string, service: string, text: string, kind: HostLogKind): HostLogResult | null {
  const fields = failurePattern.exec(text);
  if (fields === null) return null;
  const result = start(raw, program, service, kind);
  const [, , uid, tty, ruser, rhost = '', rest = ''] = fields;
  const target = /^ {1,2}user=(.*)$/s.exec(rest)?.[1] ?? null;
  result.tty = tty === '' || tty === 'ssh' ? null : (tty ?? null);
  if (program === 'sshd') {
    result.user = target;
    if (isIpAddress(rhost)) {
      result.peer = { address: rhost, port: null };
      result.peerSource = 'line';
    }
    return result;
  }
  result.uid = Number(uid);
  // sudo asks for the caller's own password, su for the target's.
  result.user = ruser === '' ? null : (ruser ?? null);
  result.runAs = service.startsWith('su') && !service.startsWith('sudo') ? target : null;
  return result;
}
