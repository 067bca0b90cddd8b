// Trying rules before they are saved: a draft on the calls of the last days, and single calls on a draft or on the rules in force.
// Nothing is changed by either. A reader limited to collections tries on the calls of these collections only.
import { AccessRule } from '@dockledger/contract';
import { type CollectionScope, compileRules, explain, type RequestFacts } from '@dockledger/rules';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { AccessEventStore } from '../access-events/access-event-store.ts';
import { abortWhenGone } from '../access-events/request-abort.ts';
import { signedInOf } from '../sessions/route-access.ts';
import { requireGrant } from '../sessions/signed-in.ts';
import type { AccessRulesService } from './access-rules-service.ts';
import { classOfAction } from './recorded-call.ts';
import { tryRules } from './rule-trial.ts';

const mayTry = { access: { permission: 'policyAccessDocker', grant: 'read' } } as const;

/** What the routes need. */
export interface RuleTrialParts {
  readonly rules: AccessRulesService;
  readonly collections: () => readonly CollectionScope[];
  readonly store: AccessEventStore;
  readonly now: () => number;
}

const text = Type.String({ maxLength: 4096 });
const Count = Type.Integer({ minimum: 0 });
const Persons = Type.Array(Type.Object({ user: Type.String(), calls: Count }));

/** A draft to try, and on how many days. */
export const RuleTrialInput = Type.Object(
  {
    accessRules: Type.Array(AccessRule, { maxItems: 10_000 }),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 90, description: 'Defaults to 7' })),
  },
  { additionalProperties: false },
);

/** The effect of a draft. */
export const RuleTrialBody = Type.Object({
  calls: Count,
  isWhole: Type.Boolean(),
  oldestTime: Type.Optional(Type.String()),
  newlyRefused: Count,
  newlyAllowed: Count,
  personsRefused: Persons,
  rules: Type.Array(Type.Object({ name: Type.String(), calls: Count, refused: Count, persons: Persons })),
  changed: Type.Array(
    Type.Object({
      id: Type.String(),
      time: Type.String(),
      user: Type.String(),
      api: Type.String(),
      hostname: Type.String(),
      count: Count,
      isRefused: Type.Boolean(),
      ruleBefore: Type.String(),
      ruleAfter: Type.String(),
    }),
  ),
});

const Call = Type.Object(
  {
    action: Type.String({ minLength: 1, maxLength: 100 }),
    user: Type.Optional(text),
    groups: Type.Optional(Type.Array(text, { maxItems: 100 })),
    hostname: Type.Optional(text),
    containerName: Type.Optional(text),
    imageName: Type.Optional(text),
    labels: Type.Optional(Type.Record(Type.String(), Type.String())),
    hostPaths: Type.Optional(Type.Array(text, { maxItems: 1000 })),
  },
  { additionalProperties: false },
);

/** Calls to judge, by a draft or (without one) by the rules in force. */
export const ExplainInput = Type.Object(
  {
    accessRules: Type.Optional(Type.Array(AccessRule, { maxItems: 10_000 })),
    calls: Type.Array(Call, { minItems: 1, maxItems: 50 }),
  },
  { additionalProperties: false },
);

/** One answer for each call, in order. `steps`: every enabled rule and how it looked at the call. */
export const ExplainBody = Type.Object({
  answers: Type.Array(
    Type.Object({
      action: Type.String(),
      effect: Type.String(),
      rule: Type.String(),
      reason: Type.String(),
      text: Type.String(),
      steps: Type.Array(Type.Object({ rule: Type.String(), effect: Type.String(), verdict: Type.String() })),
    }),
  ),
});

const dayMs = 86_400_000;
const longestMs = 15_000;

function toFacts(call: Static<typeof Call>): RequestFacts {
  const user = call.user ?? '';
  return {
    action: call.action,
    class: classOfAction(call.action),
    user,
    principals: [user],
    groups: call.groups ?? [],
    target: {
      hostname: call.hostname ?? '',
      containerName: call.containerName,
      imageName: call.imageName,
      labels: call.labels,
    },
    hostDevices: call.hostPaths ?? [],
  };
}

/** Adds `rules/trial` and `rules/explain` under the prefix of the native API. */
export function addRuleTrialRoutes(app: FastifyInstance, { rules, collections, store, now }: RuleTrialParts): void {
  app.post(
    '/rules/trial',
    {
      config: { ...mayTry, audit: 'read' },
      schema: { body: RuleTrialInput, response: { 200: RuleTrialBody } },
    },
    async (request, reply) => {
      const signedIn = signedInOf(request);
      requireGrant(signedIn, 'monitorAccessDocker', 'read');
      const { accessRules, days } = request.body as Static<typeof RuleTrialInput>;
      const filter = {
        scope: signedIn.scope,
        fromMs: now() - (days ?? 7) * dayMs,
        include: { type: ['docker'] },
      };
      return tryRules({
        inForce: rules.current().accessRules,
        draft: accessRules,
        collections: collections(),
        events: store.stream(filter, undefined, { signal: abortWhenGone(reply) }),
        deadlineMs: now() + longestMs,
        now,
      });
    },
  );
  app.post(
    '/rules/explain',
    { config: mayTry, schema: { body: ExplainInput, response: { 200: ExplainBody } } },
    async (request) => {
      const { accessRules, calls } = request.body as Static<typeof ExplainInput>;
      const compiled = compileRules(accessRules ?? rules.current().accessRules, { collections: collections() });
      return {
        answers: calls.map((call) => {
          const { decision, steps } = explain(compiled, toFacts(call));
          const { effect, rule, reason, text: said } = decision;
          return { action: call.action, effect, rule, reason, text: said, steps };
        }),
      };
    },
  );
}
