// What a Console without a single event shows: the one line to paste. It gives way to the list when the first event comes.
import { loadDefenders } from '../api/defenders.ts';
import { loadStatus } from '../api/status.ts';
import { useResource } from '../state/resource.ts';
import { CopyButton } from './copy-button.tsx';
import { Icon } from './icon.tsx';
import { SafeText } from './safe-text.tsx';

const standardSocket = 'unix:///run/dockledger/docker.sock';

/** The empty state of the very first minutes. */
export function FirstStart() {
  const status = useResource('status', loadStatus, { everyMs: 5000 });
  const defenders = useResource('first-defenders', loadDefenders, { everyMs: 3000 });
  const line = `DOCKER_HOST=${status.data?.dockerProxy ?? standardSocket} docker ps`;
  const first = defenders.data?.find((defender) => defender.isConnected);
  const hasEngine = first?.engine?.reachable;
  return (
    <div class="first-start">
      <h2>No event yet. Make the first one.</h2>
      <ol>
        <li class={first === undefined ? '' : 'is-done'}>
          <h3>A Defender is connected</h3>
          {first === undefined ? (
            <p class="muted">
              Waiting for a Defender. <code>dockledger up</code> starts one on this machine.
            </p>
          ) : (
            <p class="muted">
              <SafeText text={first.host.hostname ?? first.defenderId} /> is on.
              {hasEngine === false && ' It finds no Docker engine yet; start one, nothing else is needed.'}
            </p>
          )}
        </li>
        <li>
          <h3>Point docker at it and run anything</h3>
          <div class="paste-line">
            <code>{line}</code>
            <CopyButton label="Copy" text={() => line} />
          </div>
          <p class="muted">Every call goes on the record before the engine acts. The command works as before.</p>
        </li>
        <li>
          <h3>See it here</h3>
          <p class="muted waiting">
            <Icon name="clock" /> This page turns into the list by itself when the first event arrives.
          </p>
        </li>
      </ol>
    </div>
  );
}
