// Maps what a host-log line says to the record of an access event, or to none when another line says the same.
// Invariant: a line that its daemon cannot be shown to have written puts neither its user nor its address into the actor.
import { type Actor, type EventDraft, toInstant } from '@dockledger/contract';
import type { HostLogKind, HostLogResult } from '@dockledger/host-logs';
import type { SourceRecord } from '../ports.ts';
import { redactCommandLine, redactCommandText } from '../redact-command-line.ts';
import type { LinkedSession } from './link-session.ts';

/** What the mapping needs to know beside the result. */
export interface HostLogRecordContext {
  readonly provenance: 'journal' | 'file';
  /** Time of lines without one, milliseconds since 1970. */
  readonly nowMs: number;
  readonly userNameOf: (uid: number) => string | undefined;
  readonly session: LinkedSession | undefined;
  /** True when nobody could look whether the peer was connected: the line is older than the watch, or the file is not this host's. */
  readonly isPeerUnchecked: boolean;
}

interface Kind {
  readonly api: string;
  readonly allow: boolean;
  /** Attempts that come by the thousand are merged. */
  readonly mayMerge?: true;
  readonly say: (result: HostLogResult, who: string, from: string) => string;
}

const refused = (what: string) => (_: HostLogResult, who: string, from: string) => `${what}${who}${from}`;

/** sshd's kinds that become events. The others are told by one of these, or only complete them. */
const sshdKinds: Readonly<Partial<Record<HostLogKind, Kind>>> = {
  connection_dropped: { api: 'connection_dropped', allow: false, mayMerge: true, say: refused('Connection dropped') },
  invalid_user: { api: 'invalid_user', allow: false, mayMerge: true, say: refused('Login attempt of an unknown user') },
  login: {
    api: 'login',
    allow: true,
    say: ({ method, keyFingerprint }, who, from) =>
      `Login${who}${from}${method === null ? '' : ` by ${method}`}${keyFingerprint === null ? '' : `, key ${keyFingerprint}`}`,
  },
  login_partial: { api: 'login_partial', allow: true, say: refused('First part of a login') },
  login_failed: {
    api: 'login_failed',
    allow: false,
    mayMerge: true,
    say: ({ method }, who, from) => `Failed login${who}${from}${method === null ? '' : ` by ${method}`}`,
  },
  login_refused: {
    api: 'login_refused',
    allow: false,
    mayMerge: true,
    say: ({ reason }, who, from) => `Login refused${who}${from}${reason === null ? '' : `: ${reason}`}`,
  },
  login_timeout: { api: 'login_timeout', allow: false, mayMerge: true, say: refused('No login in time') },
  too_many_attempts: {
    api: 'too_many_attempts',
    allow: false,
    mayMerge: true,
    say: refused('Too many login attempts'),
  },
  key_refused: { api: 'key_refused', allow: false, mayMerge: true, say: refused('Key refused') },
  session_open: {
    api: 'channel_open',
    allow: true,
    say: ({ detail }, who, from) => `Started ${detail ?? 'a session'}${who}${from}`,
  },
  session_close: { api: 'channel_close', allow: true, say: refused('Ended a session') },
  pam_session_open: { api: 'session_open', allow: true, say: refused('SSH session opened') },
  pam_session_close: { api: 'session_close', allow: true, say: refused('SSH session closed') },
  disconnect: { api: 'disconnect', allow: true, mayMerge: true, say: refused('Disconnected') },
  protocol_error: { api: 'protocol_error', allow: false, mayMerge: true, say: refused('Not an SSH client') },
  penalty: { api: 'penalty', allow: false, mayMerge: true, say: refused('Address under a penalty') },
  throttling: { api: 'throttling', allow: false, mayMerge: true, say: refused('sshd drops connections') },
};

const sudoKinds: Readonly<Partial<Record<HostLogKind, { allow: boolean; verb: string }>>> = {
  sudo_allowed: { allow: true, verb: 'ran' },
  sudo_continued: { allow: true, verb: 'ran, in a line whose beginning was not read,' },
  sudo_refused: { allow: false, verb: 'was refused' },
  sudo_alert: { allow: false, verb: 'was refused' },
  su_allowed: { allow: true, verb: 'ran' },
  su_failed: { allow: false, verb: 'was refused' },
  pam_auth_failure: { allow: false, verb: 'gave a wrong password for' },
};

/** The record of a result; undefined for lines that only complete or repeat others. */
export function toHostLogRecord(result: HostLogResult, context: HostLogRecordContext): SourceRecord | undefined {
  const { program } = result;
  if (result.kind === 'log_loss') {
    const count = result.count > 1 || /\d/.test(result.raw) ? result.count : undefined;
    const time = result.timeMs ?? context.nowMs;
    return toGapRecord('host-log-loss', `${program}: ${result.reason ?? 'lines were lost'}`, time, context.provenance, {
      ...(count !== undefined && { count }),
      confidence: result.confidence,
    });
  }
  if (program === 'sshd') return toSshdRecord(result, context);
  if (program === 'sudo' || program === 'su') return toSudoRecord(result, context);
  return undefined;
}

/** A gap in what a source gave. `reason` is for programs, `text` for people. */
export function toGapRecord(
  reason: string,
  text: string,
  timeMs: number,
  provenance: 'journal' | 'file',
  details: Readonly<Record<string, unknown>> = {},
): SourceRecord {
  return {
    draft: {
      type: 'gap',
      api: 'gap',
      time: toInstant(timeMs),
      decision: { effect: 'allow', rule: '', reason, text, findings: [] },
      actor: { user: '', userSource: 'unknown' },
      target: {},
      provenance,
      details: { reason, ...details },
    },
    outcome: { state: 'done' },
  };
}

function toSshdRecord(result: HostLogResult, context: HostLogRecordContext): SourceRecord | undefined {
  const kind = sshdKinds[result.kind];
  if (kind === undefined) return undefined;
  const who = result.user === null ? '' : ` of ${visible(result.user)}`;
  const from = result.peer === null ? '' : ` from ${result.peer.address}`;
  const draft = toDraft(result, context, {
    type: 'sshd',
    api: kind.api,
    allow: kind.allow,
    text: kind.say(result, who, from),
  });
  const { actor } = draft;
  return {
    draft,
    outcome: { state: 'done' },
    ...(kind.mayMerge && {
      mergeKey: JSON.stringify([
        'sshd',
        kind.api,
        actor.user,
        actor.sourceIP,
        result.method,
        result.reason,
        draft.confidence,
        result.claimedPeer?.address,
        actor.sessionId,
      ]),
    }),
  };
}

function toSudoRecord(result: HostLogResult, context: HostLogRecordContext): SourceRecord | undefined {
  const kind = sudoKinds[result.kind];
  if (kind === undefined) return undefined;
  const { program, user, runAs } = result;
  const command = commandLineOf(result);
  const api = program === 'su' ? `su ${visible(runAs ?? '')}`.trimEnd() : command === '' ? 'sudo' : command;
  const who = user === null ? 'Somebody' : visible(user);
  const as = runAs === null ? '' : ` as ${visible(runAs)}`;
  const why = result.reason === null ? '' : `: ${result.reason}`;
  const text =
    program === 'su'
      ? `${who} ${kind.allow ? 'became' : 'could not become'} ${visible(runAs ?? 'another user')}${why}`
      : `${who} ${kind.verb} ${command === '' ? 'sudo' : command}${as}${why}`;
  return {
    draft: toDraft(result, context, { type: 'sudo', api, allow: kind.allow, text }),
    outcome: { state: 'done' },
  };
}

function commandLineOf(result: HostLogResult): string {
  if (result.argv !== null) return redactCommandLine(result.argv);
  const { command } = result;
  return command === null ? '' : redactCommandText(command);
}

function toDraft(
  result: HostLogResult,
  context: HostLogRecordContext,
  said: {
    readonly type: 'sshd' | 'sudo';
    readonly api: string;
    readonly allow: boolean;
    readonly text: string;
  },
): EventDraft {
  const isClaim = result.confidence === 'forgeable' && !isConfirmed(result, context);
  const details = toDetails(result, context, isClaim);
  return {
    type: said.type,
    api: said.api,
    time: toInstant(result.timeMs ?? context.nowMs),
    ...(result.count > 1 && { count: result.count }),
    decision: {
      effect: said.allow ? 'allow' : 'deny',
      rule: 'Local audit',
      reason: 'host-log',
      text: isClaim ? `Unproven, anyone could have written this line: ${said.text}` : said.text,
      findings: [],
    },
    actor: isClaim ? writerOf(result, context) : actorOf(result, context),
    target: { kind: 'system' },
    provenance: context.provenance,
    confidence: result.confidence,
    raw: redactedRaw(result),
    details,
  };
}

/** The user's own child of sshd wrote it, about a connection that its daemon told of. */
function isConfirmed(result: HostLogResult, context: HostLogRecordContext): boolean {
  if (result.program !== 'sshd' || result.peerSource !== 'connection' || result.uid === null) return false;
  return result.user === null || context.userNameOf(result.uid) === result.user;
}

function writerOf(result: HostLogResult, context: HostLogRecordContext): Actor {
  const { uid } = result;
  if (context.provenance === 'file' || uid === null) return { user: '', userSource: 'unknown', sourceIP: '' };
  return { user: context.userNameOf(uid) ?? `uid:${uid}`, userSource: 'log', uid, sourceIP: '' };
}

function actorOf(result: HostLogResult, context: HostLogRecordContext): Actor {
  const { peer, uid, loginUid } = result;
  const loginUser = loginUid === null ? undefined : (context.userNameOf(loginUid) ?? `uid:${loginUid}`);
  // Behind `sudo sudo` or `su`, the login user is the person; sudo's own line names only the last step.
  const isThroughLogin = result.program !== 'sshd' && result.confidence === 'trusted' && loginUser !== undefined;
  return {
    user: isThroughLogin ? loginUser : (result.user ?? ''),
    userSource: isThroughLogin ? 'login' : result.user === null ? 'unknown' : 'log',
    ...(uid !== null && result.program !== 'sshd' && { uid }),
    ...(result.runAs !== null && { effectiveUser: result.runAs }),
    ...(loginUser !== undefined && loginUid !== null && { loginUser, loginUid }),
    ...(result.pid !== null && { pid: result.pid }),
    ...(context.session !== undefined && { sessionId: context.session.sessionId }),
    sourceIP: peer?.address ?? '',
    ...(peer?.port !== undefined && peer.port !== null && { sourcePort: peer.port }),
  };
}

function toDetails(result: HostLogResult, context: HostLogRecordContext, isClaim: boolean): Record<string, unknown> {
  const { readings } = result;
  const all: Record<string, unknown> = {
    program: result.program,
    kind: result.kind,
    user: result.user,
    invalidUser: result.invalidUser || undefined,
    method: result.method,
    keyType: result.keyType,
    keyFingerprint: result.keyFingerprint,
    certificateId: result.certificateId,
    certificateSerial: result.certificateSerial,
    certificateAuthority: result.certificateAuthority,
    channel: result.session,
    detail: result.detail,
    tty: result.tty,
    cwd: result.cwd,
    runAs: result.runAs,
    runAsUid: result.runAsUid,
    runAsGroup: result.runAsGroup,
    command: result.command === null ? undefined : commandLineOf(result),
    exitStatus: result.exitStatus,
    reason: result.reason,
    auditSession: result.auditSession,
    isTruncated: result.isTruncated || undefined,
    isAmbiguous: readings === null ? undefined : true,
    readings: readings?.map((reading) => ({
      ...reading,
      env: undefined,
      command: reading.command === null ? null : redactCommandText(reading.command),
    })),
    timeIsAmbiguous: result.timeIsAmbiguous || undefined,
    peerSource: result.peerSource,
    claimedPeer: result.claimedPeer,
    isClaim: isClaim || undefined,
    peerCheck: result.peer !== null && context.isPeerUnchecked ? 'not-possible' : undefined,
    sessionLink: context.session?.by,
    sessionIsGuess: context.session?.isGuess || undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== undefined));
}

function redactedRaw(result: HostLogResult): string {
  // Only sudo's lines hold command lines; sshd writes no secret.
  return result.program === 'sudo' && result.argv === null ? redactCommandText(result.raw) : result.raw;
}

/** Hostile names keep their bytes in `details` and `raw`; in a sentence they cannot move the cursor. */
function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '�');
}
