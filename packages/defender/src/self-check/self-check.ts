// Looks for doors past the Defender at start and every minute, and says so when one opens or closes.
// Invariant: at most one look at a time; each change of state is told once.
import { type Door, type DoorsOptions, findDoors } from './find-doors.ts';

/** What the self-check is made of. */
export interface SelfCheckOptions extends Omit<DoorsOptions, 'info'> {
  /** `GET /info` of the engine; undefined when it cannot be asked. */
  readonly askInfo: () => Promise<unknown>;
  /** A door opened, or its text changed. */
  readonly onOpen: (door: Door) => void;
  /** A door that was told before is closed. */
  readonly onClosed: (door: Door) => void;
  /** Looking failed; the doors known stay. */
  readonly onFailure: (error: Error) => void;
  /** Time between two looks. Defaults to 60,000. */
  readonly everyMs?: number;
}

/** A running self-check. */
export interface SelfCheck {
  /** Resolves when a look that began after the call is done. */
  look(): Promise<void>;
  close(): Promise<void>;
}

/** Starts with a first look. */
export function startSelfCheck(options: SelfCheckOptions): SelfCheck {
  const known = new Map<string, Door>();
  let isClosed = false;
  let running: Promise<void> = Promise.resolve();

  const lookOnce = async (): Promise<void> => {
    if (isClosed) return;
    try {
      const info = await options.askInfo();
      if (isClosed) return;
      const found = new Map(findDoors({ ...options, info }).map((door) => [door.name, door]));
      for (const [name, door] of found) {
        const isNews = known.get(name)?.text !== door.text;
        known.set(name, door);
        if (isNews) options.onOpen(door);
      }
      for (const [name, door] of known) {
        // An engine that does not answer says nothing of its plugins.
        if (found.has(name) || (name === 'plugin-not-in-chain' && info === undefined)) continue;
        known.delete(name);
        options.onClosed(door);
      }
    } catch (error) {
      options.onFailure(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const look = (): Promise<void> => (running = running.then(lookOnce));
  void look();
  const timer = setInterval(() => void look(), options.everyMs ?? 60_000);
  timer.unref();
  return {
    look,
    close: async () => {
      isClosed = true;
      clearInterval(timer);
      await running;
    },
  };
}
