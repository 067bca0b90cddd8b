// What a parsed host-log line says. Absent facts are null, never guessed: above all, `peer` is an address that the
// daemon itself wrote into a place no remote or local user can reach with text, or it is null.

/** What happened. The first group is sshd's, then PAM, sudo, su, logind, and losses that the log reports of itself. */
export type HostLogKind =
  | 'connection_open'
  | 'connection_dropped'
  | 'invalid_user'
  | 'login'
  | 'login_partial'
  | 'login_postponed'
  | 'login_failed'
  | 'login_refused'
  | 'login_timeout'
  | 'too_many_attempts'
  | 'key_accepted'
  | 'key_refused'
  | 'child_started'
  | 'session_open'
  | 'session_close'
  | 'disconnect'
  | 'protocol_error'
  | 'penalty'
  | 'throttling'
  | 'pam_auth_failure'
  | 'pam_more_failures'
  | 'pam_user_unknown'
  | 'pam_session_open'
  | 'pam_session_close'
  | 'sudo_allowed'
  | 'sudo_refused'
  | 'sudo_alert'
  | 'sudo_exit'
  | 'sudo_continued'
  | 'su_allowed'
  | 'su_failed'
  | 'logind_session_new'
  | 'logind_session_removed'
  | 'repeated_last'
  | 'log_loss';

/**
 * How far the line's author is known. `trusted`: the journal's own fields show that the daemon wrote it. `file`: it has
 * the right form, and whoever may write to the system log could have written it. `forgeable`: the journal's own fields
 * show another author, or an author that any local user can be.
 */
export type HostLogConfidence = 'trusted' | 'file' | 'forgeable';

/** One end of a connection. `port` is null where the daemon's version does not log it. */
export type HostLogPeer = { readonly address: string; readonly port: number | null };

/** One way to read a sudo line whose text can be split in more than one way. */
export type SudoReading = {
  readonly cwd: string | null;
  readonly runAs: string | null;
  readonly runAsGroup: string | null;
  readonly env: string | null;
  readonly command: string | null;
  readonly exitStatus: number | null;
};

/** One parsed line. Every member is always present; null means that the line does not say. */
export type HostLogResult = {
  kind: HostLogKind;
  /** The program named in the line: sshd (also for sshd-session and sshd-auth), sudo, su, systemd-logind, … */
  program: string;
  /** The PAM service of a PAM line, for instance `sshd` or `sudo-i`. */
  service: string | null;
  /** Milliseconds since 1970 UTC; null when the line carries no time. */
  timeMs: number | null;
  /** True when the time of the line could be one of two (the hour that a zone repeats in autumn). */
  timeIsAmbiguous: boolean;
  host: string | null;
  /** From the journal the kernel's number, from a file the one in the tag. */
  pid: number | null;
  /** Who logs in, or who calls sudo or su; decoded from the daemon's own escapes. Hostile text is possible. */
  user: string | null;
  /** True when the daemon said that the user is unknown or not admitted. */
  invalidUser: boolean;
  peer: HostLogPeer | null;
  /** `line` when the line itself holds the peer, `connection` when it was taken from the same connection's other lines. */
  peerSource: 'line' | 'connection' | null;
  /** The peer that a forgeable line names. For display as a claim only. */
  claimedPeer: HostLogPeer | null;
  method: string | null;
  keyType: string | null;
  keyFingerprint: string | null;
  certificateId: string | null;
  certificateSerial: string | null;
  certificateAuthority: string | null;
  /** logind's session id, or sshd's channel session number. */
  session: string | null;
  /** `shell`, `command`, `subsystem 'sftp'`, `forced-command …` of a session, or the disconnect code. */
  detail: string | null;
  tty: string | null;
  cwd: string | null;
  runAs: string | null;
  runAsUid: number | null;
  runAsGroup: string | null;
  /** The number of the calling user where the line or the journal says it. */
  uid: number | null;
  /** The command line as sudo wrote it, with its escapes. From sudo's JSON: words joined by one blank. */
  command: string | null;
  /** The exact words; from sudo's JSON only. */
  argv: readonly string[] | null;
  exitStatus: number | null;
  reason: string | null;
  /** How many occurrences this line stands for. Defaults to 1. */
  count: number;
  confidence: HostLogConfidence;
  /** The journal's audit session and login uid, where present: the key for joining. */
  auditSession: string | null;
  loginUid: number | null;
  bootId: string | null;
  childPid: number | null;
  /** True when the daemon or the transport cut the message: nothing at its end was believed. */
  isTruncated: boolean;
  /** More than one reading: all of them (at most eight), and members in which they differ are null. Else null. */
  readings: readonly SudoReading[] | null;
  /** The line, or the journal's MESSAGE, as read; environments in sudo's JSON are replaced. */
  raw: string;
};

/** A fresh result with only the given members set. */
export function createHostLogResult(kind: HostLogKind, program: string, raw: string): HostLogResult {
  return {
    kind,
    program,
    service: null,
    timeMs: null,
    timeIsAmbiguous: false,
    host: null,
    pid: null,
    user: null,
    invalidUser: false,
    peer: null,
    peerSource: null,
    claimedPeer: null,
    method: null,
    keyType: null,
    keyFingerprint: null,
    certificateId: null,
    certificateSerial: null,
    certificateAuthority: null,
    session: null,
    detail: null,
    tty: null,
    cwd: null,
    runAs: null,
    runAsUid: null,
    runAsGroup: null,
    uid: null,
    command: null,
    argv: null,
    exitStatus: null,
    reason: null,
    count: 1,
    confidence: 'file',
    auditSession: null,
    loginUid: null,
    bootId: null,
    childPid: null,
    isTruncated: false,
    readings: null,
    raw,
  };
}
