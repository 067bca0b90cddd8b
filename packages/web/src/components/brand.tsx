// The product's name and mark.

/** The mark with the name beside it. */
export function Brand() {
  return (
    <span class="brand">
      <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" class="brand-ground" />
        <path d="M8 9h16M8 16h16M8 23h9" class="brand-lines" />
        <circle cx="24" cy="23" r="3" class="brand-dot" />
      </svg>
      Dockledger
    </span>
  );
}
