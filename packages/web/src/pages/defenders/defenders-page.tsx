// Placeholder.
/** Placeholder. */
export function DefendersPage() {
  return null;
}
