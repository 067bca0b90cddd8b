// Placeholder.
/** Placeholder. */
export function EvidencePage() {
  return null;
}
