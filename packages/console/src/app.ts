// The Console put together: opens the stores, wires the features, listens. Features meet only here. Whatever opens is closed,
// in the opposite order, also when a later step fails.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { Server } from 'node:https';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { localTokenFile } from '@dockledger/contract';
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
import { createStoreAgreement, createStoreRepair } from './access-events/store-agreement.ts';
import { addCompatibleRulesRoutes, addNativeRulesRoutes } from './access-rules/access-rules.routes.ts';
import { openAccessRules } from './access-rules/access-rules-service.ts';
import { addCompatibleComplianceRoutes, addNativeComplianceRoutes } from './access-rules/compliance-rules.routes.ts';
import { addRuleTrialRoutes } from './access-rules/rule-trial.routes.ts';
import { openCertificateAuthority } from './ca/certificate-authority.ts';
import { addCollectionsRoutes } from './collections/collections.routes.ts';
import { openCollections } from './collections/collections-service.ts';
import { DefenderRegistry } from './defenders/defender-registry.ts';
import { addCompatibleDefendersRoutes, addNativeDefendersRoutes } from './defenders/defenders.routes.ts';
import { addEnrolmentRoute, type EnrolmentRouteParts } from './defenders/enrolment.routes.ts';
import { openEnrolment } from './defenders/enrolment-service.ts';
import { openLocalToken } from './defenders/local-token.ts';
import { openRefusalLog } from './defenders/refusal-log.ts';
import { addHealthRoutes, addStatusRoute } from './health/health.routes.ts';
import { createHealth } from './health/health.ts';
import { addHostSessionsRoutes } from './host-sessions/host-sessions.routes.ts';
import { addApiInfoRoutes } from './http/api-info.routes.ts';
import { addCompatibleRoutes, addVersionCheck } from './http/compatible-prefix.ts';
import { createHttpsServer } from './http/https-server.ts';
import { listen } from './http/listen.ts';
import { collectOpenApi } from './http/openapi.ts';
import { startIndexer } from './indexer/indexer.ts';
import { toEnrolmentNote, toRefusalNote } from './intake/channel-notes.ts';
import { addDefenderChannelRoutes } from './intake/defender-channel.routes.ts';
import { openIntake } from './intake/intake-service.ts';
import { startHeadKeeper } from './ledger-heads/head-keeper.ts';
import { parseHeadTarget } from './ledger-heads/head-target.ts';
import { addWitnessRoutes } from './ledger-heads/witness.routes.ts';
import { openWitness } from './ledger-heads/witness-service.ts';
import { addEventEvidenceRoute } from './ledger-routes/event-evidence.routes.ts';
import { addLedgerRoutes } from './ledger-routes/ledger.routes.ts';
import { addLedgerProofRoutes } from './ledger-routes/ledger-proofs.routes.ts';
import { addManagementAudit } from './management-audit/audit-hooks.ts';
import { addManagementRoutes } from './management-audit/management.routes.ts';
import { openManagementAudit } from './management-audit/management-audit.ts';
import { parseRetention } from './retention/retention-rules.ts';
import { startRetention } from './retention/retention-service.ts';
import { addContainersChannelRoute, addContainersRoute } from './running-containers/containers.routes.ts';
import { ContainersRegistry } from './running-containers/containers-registry.ts';
import { addSavedViewsRoutes } from './saved-views/saved-views.routes.ts';
import { addLogonSettingsRoutes } from './sessions/logon-settings.routes.ts';
import { openLogonSettings } from './sessions/logon-settings.ts';
import { addRouteAccess } from './sessions/route-access.ts';
import { addCompatibleSessionRoutes, addPageSessionRoutes } from './sessions/session.routes.ts';
import { openSessionTokens } from './sessions/session-tokens.ts';
import { createSignIn } from './sessions/sign-in.ts';
import { SignInThrottle } from './sessions/sign-in-throttle.ts';
import { VerifiedCredentials } from './sessions/verified-credentials.ts';
import { type ConsoleSettings, type ConsoleSettingsInput, parseConsoleSettings } from './settings/console-settings.ts';
import { addControlBackupRoutes } from './settings/control-backup.routes.ts';
import { startControlRefresh } from './storage/control-refresh.ts';
import { writeFileDurably } from './storage/durable-file.ts';
import { openMerkleLedger } from './storage/merkle-ledger/merkle-ledger.ts';
import { openControlStore } from './storage/open-control-store.ts';
import { openEventStore } from './storage/open-event-store.ts';
import { loadOrCreateText } from './storage/persistent-text.ts';
import { openPeopleAuthority } from './user-certificates/people-authority.ts';
import {
  addListenerCertificateRoute,
  addUserCertificatesRoutes,
} from './user-certificates/user-certificates.routes.ts';
import { openUserCertificates, type UserCertificatesService } from './user-certificates/user-certificates-service.ts';
import { ensureFirstAdmin, type FirstAdmin } from './users/first-admin.ts';
import { addGroupsRoutes } from './users/groups.routes.ts';
import { createGroupsService } from './users/groups-service.ts';
import { createNamesInUse } from './users/names-in-use.ts';
import { addRolesRoutes } from './users/roles.routes.ts';
import { createRolesService } from './users/roles-service.ts';
import { createUserAccess } from './users/user-access.ts';
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
  /** Stops taking requests, lets running ones end (at most 10 s), flushes and closes all. Idempotent. */
  close(): Promise<void>;
}

const closeWithinMs = 10_000;
const certificateCheckMs = 12 * 3_600_000;
const seenEveryMs = 60_000;

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
  const control = await openControlStore(settings.controlStore, dataDir, now);
  resources.defer(() => control.close());
  const eventStore = await openEventStore(settings.eventStore, dataDir);
  resources.defer(() => eventStore.close());

  const firstAdmin = await ensureFirstAdmin(control.users, {
    username: settings.adminUser,
    password: settings.adminPassword,
    passwordFile: join(dataDir, 'initial-admin-password'),
  });
  const usagesOf = (name: string) => inUse.ofCollection(name);
  const collections = await openCollections(control.collections, usagesOf, now);
  // The rules tell of revocations, and a revocation announces the rules.
  let userCertificates: UserCertificatesService | undefined;
  const rules = await openAccessRules({
    store: control.ruleSets,
    collections: () => collections.list(),
    revokedCertificates: () => userCertificates?.revoked() ?? [],
    now,
  });
  collections.onReplaced(async (name, by) => {
    if (rules.current().collections?.some((scope) => scope.name === name) === true) await rules.republish(by);
  });
  const inUse = createNamesInUse({
    ...control,
    rules: () => [...rules.current().accessRules, ...(rules.current().complianceRules ?? [])],
  });
  const peopleAuthority = await openPeopleAuthority(join(dataDir, 'ca'), now);
  userCertificates = await openUserCertificates({
    store: control.userCertificates,
    authority: peopleAuthority,
    days: settings.userCertificateDays,
    now,
    onRevoked: (by) => rules.republish(by),
  });
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
  const logon = await openLogonSettings(control.settings, settings.sessionMinutes);
  const sessionSeconds = () => logon.current().sessionTimeoutSec;
  const signIn = createSignIn({
    onFailed: (username, address) => recordSignIn(username, address, true),
    users: control.users,
    accessOf: createUserAccess(control),
    isBasicAllowed: () => !logon.current().basicAuthDisabled,
    tokens: await openSessionTokens(join(dataDir, 'session-keys.json'), sessionSeconds, now),
    revoked: control.revokedTokens,
    throttle: new SignInThrottle(now),
    verified: new VerifiedCredentials({ now }),
  });
  const certificates = await openServerCertificates(settings, now);
  const { authority } = certificates;
  const enrolment = await openEnrolment({
    store: control.defenders,
    authority,
    now,
    localToken: await openLocalToken(authority.fingerprint, (text) =>
      writeFileDurably(join(dataDir, localTokenFile), text, 0o600),
    ),
  });
  resources.defer(() => rm(join(dataDir, localTokenFile), { force: true }));
  const defenders = new DefenderRegistry({
    now,
    enrolled: () => enrolment.list(),
    silentAfterMs: settings.defenderSilentMinutes * 60_000,
  });
  const runningContainers = new ContainersRegistry(
    (id) => defenders.list().find(({ defenderId }) => defenderId === id)?.host?.hostname ?? '',
  );
  const noteSeen = async () => {
    try {
      await enrolment.noteSeen(defenders.takeSeen());
    } catch (error) {
      logger.error({ err: error }, 'when Defenders were last heard could not be written down');
    }
  };
  const seenTimer = setInterval(() => void noteSeen(), seenEveryMs);
  seenTimer.unref();
  resources.defer(async () => {
    clearInterval(seenTimer);
    await noteSeen();
  });
  const refusals = openRefusalLog({
    record: (event) => intake.record(event),
    host: { hostname: hostname(), fqdn: '', cluster: '', accountID: '' },
    now,
    onProblem: (error) => logger.error({ err: error }, 'a refused Defender could not be put on record'),
  });
  resources.defer(() => refusals.close());
  const isCollection = (name: string) => collections.list().some((collection) => collection.name === name);
  const roles = createRolesService({ roles: control.roles, inUse });
  const groups = createGroupsService({ ...control, isRole: (name) => roles.isRole(name), isCollection, now });
  const users = createUsersService({
    users: control.users,
    isRole: (name) => roles.isRole(name),
    isCollection,
    isStrongPasswordWanted: () => logon.current().strongPassword,
    onVoided: (username) => signIn.forget(username),
  });
  const erasure = createErasureService({
    ledger,
    store: eventStore.store,
    record: (event) => intake.record(event),
    indexedSize: () => indexer.indexedSize,
  });
  const retention = startRetention({
    ledger,
    store: eventStore.store,
    record: (event) => intake.record(event),
    indexedSize: () => indexer.indexedSize,
    rules: parseRetention(settings.retentionDays, settings.retentionDaysByType, settings.retentionMaxMegabytes),
    now,
    logger,
  });
  resources.defer(() => retention.close());
  const health = createHealth({ ledger, indexer, now });
  const service = createAccessEventsService(eventStore.store);
  const compareStretch = createStoreAgreement(ledger, eventStore.store, () => indexer.indexedSize);
  const repairStretch = createStoreRepair(ledger, eventStore.store, compareStretch);
  const ledgerFiles = createDirectorySource(join(dataDir, 'ledger'));
  const readLedgerFile = (path: string) => ledgerFiles.read(path);
  const heads = startHeadKeeper({
    targets: settings.ledgerHeads.map(parseHeadTarget),
    proofs: ledger.proofs,
    readFile: readLedgerFile,
    directory: join(dataDir, 'ledger-private'),
    ca: settings.ledgerHeadsCaFile === undefined ? undefined : await readFile(settings.ledgerHeadsCaFile, 'utf8'),
    everyMs: settings.ledgerHeadsEverySeconds * 1000,
    now,
    logger,
  });
  resources.defer(() => heads.close());

  const api = createHttpsServer({
    credentials: certificates.credentials,
    logger,
    trustedProxies: settings.trustedProxies,
    bodyLimitBytes: 8 * 1024 * 1024,
    requestTimeoutMs: 30_000,
    fallback: createWebFiles(settings.webRoot ?? join(import.meta.dirname, '../../web/dist')),
  });
  const openApi = collectOpenApi(api);
  addVersionCheck(api);
  addRouteAccess(api, signIn);
  addManagementAudit(api, audit);
  await addCompatibleRoutes(api, (scope) => {
    addApiInfoRoutes(scope, authority.caPem);
    addCompatibleSessionRoutes(scope, signIn);
    addManagementRoutes(scope, service, now);
    addAuditsRoutes(scope, service, now);
    addErasureRoutes(scope, erasure);
    addActivitiesRoutes(scope, service, now);
    addLogonSettingsRoutes(scope, logon, control.settings);
    addStatsRoutes(scope, service);
    addCollectionsRoutes(scope, collections, usagesOf);
    addUsersRoutes(scope, users);
    addGroupsRoutes(scope, groups);
    addRolesRoutes(scope, roles);
    addCompatibleDefendersRoutes(scope, defenders);
    addCompatibleRulesRoutes(scope, rules);
    addCompatibleComplianceRoutes(scope, rules);
  });
  await api.register(
    async (scope: FastifyInstance) => {
      addPageSessionRoutes(scope, {
        signIn,
        sessionSeconds,
        onSignedIn: (username, address) => recordSignIn(username, address, false),
      });
      addEventsRoutes(scope, service, tail, now);
      addSavedViewsRoutes(scope, control.savedViews, now);
      addEventEvidenceRoute(scope, service, ledger);
      addHostSessionsRoutes(scope, service);
      addLedgerProofRoutes(scope, { ledger, readFile: readLedgerFile, events: service, compareStretch, repairStretch });
      addNativeRulesRoutes(scope, rules);
      addControlBackupRoutes(scope, control.backups, async () => {
        for (const part of [rules, collections, logon]) await part.reload();
      });
      addNativeComplianceRoutes(scope, rules);
      if (userCertificates !== undefined) addUserCertificatesRoutes(scope, userCertificates);
      addRuleTrialRoutes(scope, { rules, collections: () => collections.list(), store: eventStore.store, now });
      addNativeDefendersRoutes(scope, defenders, enrolment);
      addContainersRoute(scope, runningContainers);
      addStatusRoute(scope, { health, defenders, dockerProxy: parts.dockerProxy ?? (() => undefined) });
      scope.get('/openapi.json', { config: { access: 'open' } }, async () => openApi());
    },
    { prefix: '/api/dockledger/v1' },
  );
  addLedgerRoutes(api, readLedgerFile);
  if (settings.witnessedLedgers.length > 0) {
    const witness = await openWitness({
      directory: join(dataDir, 'witness'),
      name: `dockledger/witness-${consoleId}`,
      logKeys: settings.witnessedLedgers,
      now,
    });
    await addWitnessRoutes(api, witness);
  }
  addHealthRoutes(api, { health, defenders, dockerProxy: () => undefined });

  const channel = createHttpsServer({
    credentials: certificates.channelCredentials,
    logger,
    trustedProxies: [],
    bodyLimitBytes: 1024 * 1024,
    requestTimeoutMs: 60_000,
    clientCa: authority.caPem,
  });
  let channelPort = 0;
  const enrolmentRoute: EnrolmentRouteParts = {
    enrolment,
    channelPort: () => channelPort,
    onEnrolment: (attempt) => refusals.note(toEnrolmentNote(attempt)),
  };
  addEnrolmentRoute(api, enrolmentRoute);
  addDefenderChannelRoutes(channel, {
    intake,
    rules,
    defenders,
    enrolment,
    enrolmentRoute,
    onRefused: (refused) => refusals.note(toRefusalNote(refused)),
    caPem: authority.caPem,
  });
  addContainersChannelRoute(channel, runningContainers);
  addListenerCertificateRoute(channel, peopleAuthority);

  const renewal = setInterval(() => void certificates.renew({ api, channel }, logger), certificateCheckMs);
  renewal.unref();
  resources.defer(() => clearInterval(renewal));
  if (settings.controlStore !== 'sqlite') {
    const refresh = startControlRefresh([rules, collections, logon], logger);
    resources.defer(() => refresh.close());
  }
  resources.defer(() => closeServers([channel, api], tail));
  const endpoints = {
    console: await listen(api, 'consoleListen', settings.consoleListen),
    defenderChannel: await listen(channel, 'defenderChannelListen', settings.defenderChannelListen),
    caFile: authority.caFile,
  };
  channelPort = Number(new URL(endpoints.defenderChannel).port);
  logger.info({ ...endpoints, ledgerSize: ledger.size }, 'Console listens');
  let closing: Promise<void> | undefined;
  return {
    endpoints,
    firstAdmin,
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

async function openServerCertificates(settings: ConsoleSettings, now: () => number) {
  const authority = await openCertificateAuthority(join(settings.dataDir, 'ca'), now);
  const { tlsCertificateFile, tlsKeyFile } = settings;
  // Defenders know the Console by its own authority, whatever certificate the page has.
  const loadOwn = () =>
    authority.serverCredentials(['127.0.0.1', '::1', 'localhost', hostname(), ...settings.hostNames]);
  const load = async () => {
    if (tlsCertificateFile !== undefined && tlsKeyFile !== undefined) {
      return { cert: await readFile(tlsCertificateFile, 'utf8'), key: await readFile(tlsKeyFile, 'utf8') };
    }
    return loadOwn();
  };
  let [credentials, channelCredentials] = [await load(), await loadOwn()];
  return {
    authority,
    credentials,
    channelCredentials,
    renew: async ({ api, channel }: { api: FastifyInstance; channel: FastifyInstance }, logger: Logger) => {
      try {
        const [fresh, freshChannel] = [await load(), await loadOwn()];
        if (fresh.cert !== credentials.cert && api.server instanceof Server) api.server.setSecureContext(fresh);
        if (freshChannel.cert !== channelCredentials.cert && channel.server instanceof Server) {
          channel.server.setSecureContext({ ...freshChannel, ca: authority.caPem });
        }
        if (fresh.cert !== credentials.cert) logger.info('server certificate renewed');
        [credentials, channelCredentials] = [fresh, freshChannel];
      } catch (error) {
        logger.error({ err: error }, 'server certificate could not be renewed');
      }
    },
  };
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
