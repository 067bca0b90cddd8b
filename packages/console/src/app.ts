// The Console put together: opens the stores, wires the features, listens. Features meet only here. Whatever opens is closed,
// in the opposite order, also when a later step fails.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { Server } from 'node:https';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@dockledger/contract/error-code';
import { createDirectorySource } from '@dockledger/ledger';
import type { FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { createAccessEventsService } from './access-events/access-events-service.ts';
import { addActivitiesRoutes } from './access-events/activities.routes.ts';
import { addAuditsRoutes } from './access-events/audits.routes.ts';
import { addErasureRoutes } from './access-events/erasure.routes.ts';
import { createErasureService } from './access-events/erasure-service.ts';
import { addEventsRoutes } from './access-events/events.routes.ts';
import { LiveTail } from './access-events/live-tail.ts';
import { addStatsRoutes } from './access-events/stats.routes.ts';
import { createStoreAgreement } from './access-events/store-agreement.ts';
import { addCompatibleRulesRoutes, addNativeRulesRoutes } from './access-rules/access-rules.routes.ts';
import { openAccessRules } from './access-rules/access-rules-service.ts';
import { addCompatibleComplianceRoutes, addNativeComplianceRoutes } from './access-rules/compliance-rules.routes.ts';
import { addRuleTrialRoutes } from './access-rules/rule-trial.routes.ts';
import { openCertificateAuthority } from './ca/certificate-authority.ts';
import { addCollectionsRoutes } from './collections/collections.routes.ts';
import { openCollections } from './collections/collections-service.ts';
import { DefenderRegistry } from './defenders/defender-registry.ts';
import { addCompatibleDefendersRoutes, addNativeDefendersRoutes } from './defenders/defenders.routes.ts';
import { addHealthRoutes, addStatusRoute } from './health/health.routes.ts';
import { createHealth } from './health/health.ts';
import { addApiInfoRoutes } from './http/api-info.routes.ts';
import { addCompatibleRoutes, addVersionCheck } from './http/compatible-prefix.ts';
import { createHttpsServer } from './http/https-server.ts';
import { collectOpenApi } from './http/openapi.ts';
import { startIndexer } from './indexer/indexer.ts';
import { addDefenderChannelRoutes } from './intake/defender-channel.routes.ts';
import { openIntake } from './intake/intake-service.ts';
import { addEventEvidenceRoute } from './ledger-routes/event-evidence.routes.ts';
import { addLedgerRoutes } from './ledger-routes/ledger.routes.ts';
import { addLedgerProofRoutes } from './ledger-routes/ledger-proofs.routes.ts';
import { addManagementAudit } from './management-audit/audit-hooks.ts';
import { addManagementRoutes } from './management-audit/management.routes.ts';
import { openManagementAudit } from './management-audit/management-audit.ts';
import { addSavedViewsRoutes } from './saved-views/saved-views.routes.ts';
import { addLogonSettingsRoutes } from './sessions/logon-settings.routes.ts';
import { addRouteAccess } from './sessions/route-access.ts';
import { addCompatibleSessionRoutes, addPageSessionRoutes } from './sessions/session.routes.ts';
import { openSessionTokens } from './sessions/session-tokens.ts';
import { createSignIn } from './sessions/sign-in.ts';
import { SignInThrottle } from './sessions/sign-in-throttle.ts';
import { VerifiedCredentials } from './sessions/verified-credentials.ts';
import {
  type ConsoleSettings,
  type ConsoleSettingsInput,
  parseConsoleSettings,
  parseListenAddress,
} from './settings/console-settings.ts';
import { openMerkleLedger } from './storage/merkle-ledger/merkle-ledger.ts';
import { openEventStore } from './storage/open-event-store.ts';
import { loadOrCreateText } from './storage/persistent-text.ts';
import { openControlStore } from './storage/sql/control-store.ts';
import { createNodeSqliteDialect } from './storage/sql/node-sqlite.ts';
import { ensureFirstAdmin, type FirstAdmin } from './users/first-admin.ts';
import { addUsersRoutes } from './users/users.routes.ts';
import { createUsersService } from './users/users-service.ts';
import { createWebFiles } from './web-files/web-files.ts';

/** What a program around the Console may bring along. */
export interface ConsoleParts {
  /** Milliseconds since 1970. Defaults to the system's clock. */
  readonly now?: () => number;
  /** Defaults to JSON lines on stdout at the level of the settings. */
  readonly logger?: Logger;
  /** Address of the Docker proxy when it runs on this machine; shown on the page. */
  readonly dockerProxy?: () => string | undefined;
}

/** A running Console. */
export interface RunningConsole {
  readonly endpoints: {
    /** `https://host:port` of the API and the page. */
    readonly console: string;
    /** `https://host:port` of the Defender channel. */
    readonly defenderChannel: string;
    /** Path of the authority's certificate that signs both. */
    readonly caFile: string;
  };
  /** What the start has to tell about the first administrator. */
  readonly firstAdmin: FirstAdmin;
  /** Path of the secret that Defenders present, mode 0600. */
  readonly defenderSecretFile: string;
  /** Stops taking requests, lets running ones end (at most 10 s), flushes and closes all. Idempotent. */
  close(): Promise<void>;
}

const closeWithinMs = 10_000;
const certificateCheckMs = 12 * 3_600_000;

/** Opens a Console. Throws `bad_setting`, `store_unavailable` or `unavailable` with a sentence; nothing stays open then. */
export async function openConsole(input: ConsoleSettingsInput, parts: ConsoleParts = {}): Promise<RunningConsole> {
  const settings = parseConsoleSettings(input);
  const resources = new AsyncDisposableStack();
  try {
    return await openParts(settings, parts, resources);
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

async function openParts(
  settings: ConsoleSettings,
  parts: ConsoleParts,
  resources: AsyncDisposableStack,
): Promise<RunningConsole> {
  const now = parts.now ?? Date.now;
  const logger = parts.logger ?? pino({ level: settings.logLevel });
  const { dataDir } = settings;
  await makeDataDir(dataDir);
  const consoleId = await loadOrCreateText(
    join(dataDir, 'console-id'),
    () => `console-${randomBytes(4).toString('hex')}`,
  );

  const ledger = await openMerkleLedger(dataDir, `dockledger/${consoleId}`);
  resources.defer(() => ledger.close());
  const control = await openControl(settings, now);
  resources.defer(() => control.close());
  const eventStore = await openEventStore(settings.eventStore, dataDir);
  resources.defer(() => eventStore.close());

  const firstAdmin = await ensureFirstAdmin(control.users, {
    username: settings.adminUser,
    password: settings.adminPassword,
    passwordFile: join(dataDir, 'initial-admin-password'),
  });
  const collections = await openCollections(control.collections, now);
  const rules = await openAccessRules({
    store: control.ruleSets,
    collections: () => collections.list(),
    now,
  });
  collections.onReplaced(async (name, by) => {
    if (rules.current().collections?.some((scope) => scope.name === name) === true) await rules.republish(by);
  });
  const defenders = new DefenderRegistry(now);
  const intake = await openIntake({
    ledger,
    collectionsOf: (event) => collections.namesFor(event),
    consoleId,
    snapshotFile: join(dataDir, 'intake-marks.json'),
    now,
  });
  resources.defer(() => intake.close());
  const tail = new LiveTail();
  const indexer = startIndexer({
    ledger,
    store: eventStore.store,
    logger,
    onIndexed: (events) => tail.publish(events),
  });
  resources.defer(() => indexer.close());

  const audit = openManagementAudit({
    record: (event) => intake.record(event),
    now,
    onProblem: (error) => logger.error({ err: error }, 'management audit could not be put on record'),
  });
  resources.defer(() => audit.close());
  const recordSignIn = (username: string, address: string, hasFailed: boolean) =>
    audit.record({
      kind: 'login',
      // What was typed as a name may be anything, of any length.
      username: username.slice(0, 256),
      address,
      route: 'sign-in',
      text: hasFailed ? 'failed login attempt' : 'successful login attempt',
      hasFailed,
      diff: '',
    });
  const signIn = createSignIn({
    onFailed: (username, address) => recordSignIn(username, address, true),
    users: control.users,
    tokens: await openSessionTokens(join(dataDir, 'session-keys.json'), settings.sessionMinutes * 60, now),
    revoked: control.revokedTokens,
    throttle: new SignInThrottle(now),
    verified: new VerifiedCredentials({ now }),
  });
  const defenderSecretFile = join(dataDir, 'defender-secret');
  const secret = await loadOrCreateText(defenderSecretFile, () => randomBytes(32).toString('base64url'));
  const certificates = await openServerCertificates(settings, now);
  const users = createUsersService({
    users: control.users,
    isCollection: (name) => collections.list().some((collection) => collection.name === name),
    onVoided: (username) => signIn.forget(username),
  });
  const erasure = createErasureService({
    ledger,
    store: eventStore.store,
    record: (event) => intake.record(event),
    indexedSize: () => indexer.indexedSize,
  });
  const health = createHealth({ ledger, indexer, now });
  const service = createAccessEventsService(eventStore.store);
  const compareStretch = createStoreAgreement(ledger, eventStore.store, () => indexer.indexedSize);
  const ledgerFiles = createDirectorySource(join(dataDir, 'ledger'));
  const readLedgerFile = (path: string) => ledgerFiles.read(path);

  const shared = { credentials: certificates.credentials, logger, trustedProxies: settings.trustedProxies };
  const api = createHttpsServer({
    ...shared,
    bodyLimitBytes: 8 * 1024 * 1024,
    requestTimeoutMs: 30_000,
    fallback: createWebFiles(settings.webRoot ?? join(import.meta.dirname, '../../web/dist')),
  });
  const openApi = collectOpenApi(api);
  addVersionCheck(api);
  addRouteAccess(api, signIn);
  addManagementAudit(api, audit);
  await addCompatibleRoutes(api, (scope) => {
    addApiInfoRoutes(scope, certificates.caPem);
    addCompatibleSessionRoutes(scope, signIn);
    addManagementRoutes(scope, service);
    addAuditsRoutes(scope, service, now);
    addErasureRoutes(scope, erasure);
    addActivitiesRoutes(scope, service, now);
    addLogonSettingsRoutes(scope, settings.sessionMinutes);
    addStatsRoutes(scope, service);
    addCollectionsRoutes(scope, collections);
    addUsersRoutes(scope, users);
    addCompatibleDefendersRoutes(scope, defenders);
    addCompatibleRulesRoutes(scope, rules);
    addCompatibleComplianceRoutes(scope, rules);
  });
  await api.register(
    async (scope: FastifyInstance) => {
      addPageSessionRoutes(scope, {
        signIn,
        sessionMinutes: settings.sessionMinutes,
        onSignedIn: (username, address) => recordSignIn(username, address, false),
      });
      addEventsRoutes(scope, service, tail, now);
      addSavedViewsRoutes(scope, control.savedViews, now);
      addEventEvidenceRoute(scope, service, ledger);
      addLedgerProofRoutes(scope, { ledger, readFile: readLedgerFile, events: service, compareStretch });
      addNativeRulesRoutes(scope, rules);
      addNativeComplianceRoutes(scope, rules);
      addRuleTrialRoutes(scope, { rules, collections: () => collections.list(), store: eventStore.store, now });
      addNativeDefendersRoutes(scope, defenders);
      addStatusRoute(scope, { health, defenders, dockerProxy: parts.dockerProxy ?? (() => undefined) });
      scope.get('/openapi.json', { config: { access: 'open' } }, async () => openApi());
    },
    { prefix: '/api/dockledger/v1' },
  );
  addLedgerRoutes(api, readLedgerFile);
  addHealthRoutes(api, { health, defenders, dockerProxy: () => undefined });

  const channel = createHttpsServer({
    ...shared,
    trustedProxies: [],
    bodyLimitBytes: 1024 * 1024,
    requestTimeoutMs: 60_000,
  });
  addDefenderChannelRoutes(channel, { intake, rules, defenders, secret });

  const renewal = setInterval(() => void certificates.renew([api, channel], logger), certificateCheckMs);
  renewal.unref();
  resources.defer(() => clearInterval(renewal));
  resources.defer(() => closeServers([channel, api], tail));
  const endpoints = {
    console: await listen(api, 'consoleListen', settings.consoleListen),
    defenderChannel: await listen(channel, 'defenderChannelListen', settings.defenderChannelListen),
    caFile: certificates.caFile,
  };
  logger.info({ ...endpoints, ledgerSize: ledger.size }, 'Console listens');
  let closing: Promise<void> | undefined;
  return {
    endpoints,
    firstAdmin,
    defenderSecretFile,
    close: () => (closing ??= resources.disposeAsync()),
  };
}

/** Makes the directory and gives the name under which this Console numbers its own events. */
async function makeDataDir(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    return await loadOrCreateText(join(dataDir, 'console-id'), () => `console-${randomBytes(4).toString('hex')}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError(
      'bad_setting',
      `Setting dataDir is "${dataDir}", which cannot be used: ${why}. Choose a directory that this user may write.`,
      {
        cause: error,
      },
    );
  }
}

function openControl(settings: ConsoleSettings, now: () => number) {
  if (settings.controlStore !== 'sqlite') {
    throw new AppError(
      'bad_setting',
      `Setting controlStore is "${settings.controlStore.replace(/:\/\/.*/, '://…')}": only sqlite is available in this version.`,
    );
  }
  return openControlStore(createNodeSqliteDialect(join(settings.dataDir, 'control.sqlite')), now);
}

async function openServerCertificates(settings: ConsoleSettings, now: () => number) {
  const authority = await openCertificateAuthority(join(settings.dataDir, 'ca'), now);
  const { tlsCertificateFile, tlsKeyFile } = settings;
  const load = async () => {
    if (tlsCertificateFile !== undefined && tlsKeyFile !== undefined) {
      return { cert: await readFile(tlsCertificateFile, 'utf8'), key: await readFile(tlsKeyFile, 'utf8') };
    }
    return authority.serverCredentials(['127.0.0.1', '::1', 'localhost', hostname(), ...settings.hostNames]);
  };
  let credentials = await load();
  return {
    credentials,
    caFile: authority.caFile,
    caPem: authority.caPem,
    renew: async (servers: readonly FastifyInstance[], logger: Logger) => {
      try {
        const fresh = await load();
        if (fresh.cert === credentials.cert) return;
        credentials = fresh;
        for (const { server } of servers) if (server instanceof Server) server.setSecureContext(fresh);
        logger.info('server certificate renewed');
      } catch (error) {
        logger.error({ err: error }, 'server certificate could not be renewed');
      }
    },
  };
}

async function listen(app: FastifyInstance, setting: string, value: string): Promise<string> {
  const { host, port } = parseListenAddress(setting, value);
  try {
    await app.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why =
      code === 'EADDRINUSE'
        ? 'another program listens there. Stop it or choose another port'
        : code === 'EACCES'
          ? 'this user may not open that port'
          : `it cannot be opened (${code || 'unknown reason'})`;
    throw new AppError('unavailable', `Setting ${setting} is "${value}": ${why}.`, { cause: error });
  }
  const address = app.server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  // A wildcard is no address to connect to.
  const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `https://${shown}:${actual}`;
}

async function closeServers(servers: readonly FastifyInstance[], tail: LiveTail): Promise<void> {
  tail.close();
  const force = setTimeout(() => {
    for (const { server } of servers) server.closeAllConnections();
  }, closeWithinMs);
  try {
    await Promise.all(servers.map((server) => server.close()));
  } finally {
    clearTimeout(force);
  }
}
