// Exit codes of the dockledger command, documented in docs/operations/command-line.md and relied on by scripts.

/** What the process says to the shell. */
export const exitCode = {
  /** Done; for `status`: ready; for `verify`: everything holds. */
  ok: 0,
  /** The thing asked for failed or does not hold. */
  failed: 1,
  /** Bad usage or a bad setting: nothing was started. */
  usage: 2,
  /** Nothing answers: not running, not ready, not reachable. */
  unreachable: 3,
} as const;
