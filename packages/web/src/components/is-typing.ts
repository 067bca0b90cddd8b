// Tells key presses that belong to a field or dialog from those that steer the page.

/** True when the key press is meant for what has the focus, or carries a modifier. */
export function isTyping(event: KeyboardEvent): boolean {
  const { target } = event;
  return (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    (target instanceof HTMLElement && target.closest('input, textarea, select, dialog') !== null)
  );
}
