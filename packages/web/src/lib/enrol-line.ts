// The one line that enrols a host.

/** The line to paste on a host. `origin` is the Console's address as the reader has it. The token needs no quoting. */
export function toEnrolLine(origin: string, token: string): string {
  return `sudo dockledger defender enrol --console ${origin} --token ${token}`;
}
