// Follows what other Consoles change in a control store that several share. One round at a time; a failed one is tried again.
import type { Logger } from 'pino';

/** Something kept in memory that can be read again. */
export interface Reloadable {
  reload(): Promise<void>;
}

const everyMs = 2000;

/** Reads all parts again every two seconds until closed. */
export function startControlRefresh(
  parts: readonly Reloadable[],
  logger: Logger,
): { readonly close: () => Promise<void> } {
  let running: Promise<void> | undefined;
  const round = async () => {
    try {
      for (const part of parts) await part.reload();
    } catch (error) {
      logger.warn({ err: error }, 'the control store could not be read again');
    } finally {
      running = undefined;
    }
  };
  const timer = setInterval(() => {
    running ??= round();
  }, everyMs);
  return {
    close: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
