// The designed states of a part that cannot show its data: loading, failed, forbidden, offline.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiFailure } from '../api/client.ts';
import { formatLength } from '../lib/format-time.ts';
import { now } from '../state/clock.ts';
import { Icon } from './icon.tsx';

/** Quiet bars where rows will be, shown only after 150 ms so that quick answers do not flicker. */
export function Skeleton({ rows = 6 }: { readonly rows?: number }) {
  const [isShown, setIsShown] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setIsShown(true), 150);
    return () => window.clearTimeout(timer);
  }, []);
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {isShown && Array.from({ length: rows }, (_, index) => <div key={index} class="skeleton-bar" />)}
    </div>
  );
}

interface FailureProps {
  readonly failure: ApiFailure;
  readonly retryAtMs?: number | undefined;
  readonly onRetry?: () => void;
}

/** A failure in words, with its request id for the administrator, a countdown and a button. */
export function FailureNotice({ failure, retryAtMs, onRetry }: FailureProps) {
  if (failure.kind === 'unauthenticated') return null;
  const left = retryAtMs === undefined ? undefined : Math.max(0, retryAtMs - now.value);
  return (
    <div class="notice notice-warn" role="alert">
      <Icon name="failed" />
      <span>
        {failure.message}
        {failure.requestId !== undefined && <span class="muted"> Request {failure.requestId}.</span>}
        {left !== undefined && <span class="muted"> Next try in {formatLength(Math.max(1000, left))}.</span>}
      </span>
      {onRetry !== undefined && failure.kind !== 'forbidden' && (
        <button type="button" class="button" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}

/** A page part with nothing to show, and why. */
export function EmptyNotice({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
