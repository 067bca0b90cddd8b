// The effect of the draft on the calls of the last 7 days, asked again a moment after the last change of it.
import type { AccessRule } from '@dockledger/contract';
import { useEffect, useState } from 'preact/hooks';
import type { ApiFailure } from '../../api/client.ts';
import { type RuleTrial, tryRules } from '../../api/rule-trial.ts';
import { useResource } from '../../state/resource.ts';

const pauseMs = 350;

/** The trial of exactly this draft, or undefined while it is not known. */
export interface KnownTrial {
  readonly trial: RuleTrial | undefined;
  readonly failure: ApiFailure | undefined;
}

/** Tries the draft while `isWanted`. */
export function useRuleTrial(rules: readonly AccessRule[], isWanted: boolean): KnownTrial {
  const wanted = isWanted ? JSON.stringify(rules) : '';
  const [asked, setAsked] = useState(wanted);
  useEffect(() => {
    const timer = window.setTimeout(() => setAsked(wanted), pauseMs);
    return () => window.clearTimeout(timer);
  }, [wanted]);
  const { data, failure } = useResource(`trial ${asked}`, async (signal) => ({
    asked,
    trial: asked === '' ? undefined : await tryRules(JSON.parse(asked) as AccessRule[], signal),
  }));
  const isCurrent = data !== undefined && data.asked === wanted;
  return { trial: isCurrent ? data.trial : undefined, failure: asked === wanted ? failure : undefined };
}
