// Placeholder.
/** Placeholder. */
export function RulesPage() {
  return null;
}
