// What a recorded scenario is, and the truth that goes with its lines. The truth comes from what the script did (the
// socket it opened, the arguments it passed), never from reading a log line.

/** One TCP connection that the script opened. */
export type Peer = { readonly address: string; readonly port: number };

/** What really happened in a scenario. Absent members were not part of it. */
export type Truth = {
  readonly program: 'sshd' | 'sudo' | 'su' | 'forged';
  /** Every connection opened. Any other address in a result is wrong. */
  readonly peers: readonly Peer[];
  /** Login name after sshd's cut at the first colon, or the local user who ran sudo or su. */
  readonly user: string | null;
  readonly invalidUser?: boolean;
  readonly method?: string;
  readonly keyFingerprint?: string;
  readonly certificateId?: string;
  readonly runAs?: string;
  readonly cwd?: string;
  readonly argv?: readonly string[];
  readonly onTty?: boolean;
  /** How many events of each kind must come out of this scenario's lines; other kinds may appear as well. */
  readonly expected: Readonly<Record<string, number>>;
};

/** One thing done on the private host. `run` returns the truth once everything it started has ended. */
export type Scenario = { readonly name: string; readonly run: () => Promise<Truth> };
