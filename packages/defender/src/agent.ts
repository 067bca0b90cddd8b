// The Defender put together: the only place where its parts meet.
// Order matters: what records comes up before what accepts calls, and goes down after it.
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  AppError,
  type Condition,
  channelRoutes,
  defenderHeader,
  type Endpoints,
  localTokenFile,
  serverCertificateRoute,
} from '@dockledger/contract';
import { pino } from 'pino';
import { type Bypass, judgeLifted, openBypass } from './break-glass/bypass.ts';
import { controlSocketPath, openControlSocket } from './break-glass/control-socket.ts';
import { toConditionDraft } from './condition-event.ts';
import { createCertificateKeeper } from './console-link/certificate-keeper.ts';
import { createKeyWithRequest } from './console-link/certificate-request.ts';
import { createChannelClient } from './console-link/channel-client.ts';
import { type ConsoleLink, startConsoleLink } from './console-link/console-link.ts';
import { openChannelIdentity } from './console-link/open-identity.ts';
import { createAuthzPlugin } from './docker-proxy/authz-plugin/authz-plugin.ts';
import { createPassMarks } from './docker-proxy/authz-plugin/pass-marks.ts';
import { createDockerJudge } from './docker-proxy/docker-judge.ts';
import { createDockerProxy } from './docker-proxy/docker-proxy.ts';
import { EnginePool } from './docker-proxy/engine-pool.ts';
import { queryEngine } from './docker-proxy/facts/engine-query.ts';
import { containerTarget, createTargetFinder } from './docker-proxy/facts/target-finder.ts';
import { imageFacts, realHostPath } from './docker-proxy/facts/workload-facts.ts';
import type { ListenAddress } from './docker-proxy/listen.ts';
import { listenOnSocket } from './docker-proxy/listen.ts';
import type { RequestJudge } from './docker-proxy/proxy-context.ts';
import { systemdSocket } from './docker-proxy/systemd-socket.ts';
import { openDockerTls } from './docker-proxy/tls/open-docker-tls.ts';
import { loadDefenderId } from './host-facts/defender-id.ts';
import { loadFacts, loadHostFacts } from './host-facts/host-facts.ts';
import { isSELinuxEnforcing } from './host-facts/selinux.ts';
import { startHostLogs } from './host-logs/host-logs.ts';
import { createIdentifier } from './identity/identifier.ts';
import { groupIdOf, userNameOf } from './identity/native.ts';
import { createSessionFinder } from './identity/session-finder.ts';
import { openRulesKeeper, rulesFile } from './rules-keeper/rules-keeper.ts';
import { type RunningContainers, startRunningContainers } from './running-containers/running-containers.ts';
import { startSelfCheck } from './self-check/self-check.ts';
import { type DefenderSettingsInput, parseDefenderSettings, parseUnixAddress } from './settings/defender-settings.ts';
import { openSpool } from './spool/spool.ts';

/** A running Defender. `close` lets running calls end, flushes and stops; nothing recorded is lost. */
export interface RunningDefender {
  readonly endpoints: Pick<Endpoints, 'dockerProxy' | 'dockerTlsProxy' | 'authzPlugin'>;
  close(): Promise<void>;
}

/** Makes the directory of a socket that other users connect to: they may pass through, not look in. */
async function makeSocketDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o711 });
  await chmod(path, 0o711);
}

/** Where the engine finds the plugin. Its directory is the engine's and may be missing before the engine's first start. */
async function pluginAddress(setting: string): Promise<ListenAddress> {
  const name = /^systemd:(.+)$/.exec(setting)?.[1];
  if (name !== undefined) return { fd: systemdSocket('authzPluginListen', name) };
  const path = parseUnixAddress('authzPluginListen', setting);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  return { path };
}

/** Opens a Defender. Rejects with `bad_setting` and leaves nothing running when a setting does not work. */
export async function openDefender(input: DefenderSettingsInput): Promise<RunningDefender> {
  const settings = parseDefenderSettings(input);
  const enginePath = parseUnixAddress('engine', settings.engine);
  const proxyPath = parseUnixAddress(
    'proxyListen',
    settings.proxyListen ?? `unix://${join(settings.dataDir, 'run/docker.sock')}`,
  );
  if (enginePath === proxyPath) {
    throw new AppError(
      'bad_setting',
      `Settings engine and proxyListen both name ${enginePath}: the guard would call itself.`,
    );
  }
  const proxyGid = settings.proxyGroup === '' ? undefined : groupIdOf(settings.proxyGroup);
  if (settings.proxyGroup !== '' && proxyGid === undefined) {
    throw new AppError(
      'bad_setting',
      `Setting proxyGroup is "${settings.proxyGroup}", and this host has no such group.`,
    );
  }
  const log = pino({ name: 'defender', level: settings.logLevel });
  const brand = settings.brand.replace(/^\[|\]$/g, '');
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    const directory = join(settings.dataDir, 'defender');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const defenderId = await loadDefenderId(join(directory, 'id'));
    const ownHost = await loadHostFacts(settings);
    const identityPath = join(directory, 'identity.json');
    const identity = await openChannelIdentity({
      path: identityPath,
      localTokenPath: join(settings.dataDir, localTokenFile),
      token: settings.enrolToken,
      consoleUrl: settings.consoleUrl,
      defenderId,
      host: ownHost,
    });
    // What the token was bound to counts where the host itself says nothing.
    const host = ownHost.cluster === '' ? { ...ownHost, cluster: identity.cluster ?? '' } : ownHost;
    const rules = await openRulesKeeper(rulesFile(settings.dataDir), (text) => log.error(text));
    const spool = await openSpool(join(directory, 'spool'), {
      defenderId,
      host,
      mergeWindowMs: settings.mergeWindowMs,
      maxBytes: settings.spoolMaxBytes,
      onWarning: (text) => log.warn(text),
    });
    closers.push(() => spool.close());

    const pool = new EnginePool({ engine: { socketPath: enginePath }, log });
    closers.push(() => pool.purge());
    const marks = settings.authzPluginListen === '' ? undefined : createPassMarks();
    // Our own questions come by the plugin as well.
    const passMark = marks && ((method: string, target: string) => marks.issue(method, target));
    const marked = passMark === undefined ? {} : { passMark };
    const facts = createTargetFinder({
      pool,
      ...marked,
      guardsExecs: () => rules.distinguishesPeople,
      needsWorkload: () => rules.compliance.rules.length > 0 || rules.current.rules.some(({ device }) => device),
    });
    const sessions = createSessionFinder({ userNameOf });
    const identifier = createIdentifier({
      sessions,
      containerName: async (id) => {
        const answer = await queryEngine(pool, `/containers/${id}/json`, passMark);
        return 'unavailable' in answer || answer.status !== 200
          ? undefined
          : containerTarget(answer.value).containerName;
      },
    });
    let bypass: Bypass | undefined;
    const judging = {
      compliance: () => rules.compliance,
      host,
      guardedPaths: [enginePath, proxyPath, settings.dataDir],
      hasSELinux: await isSELinuxEnforcing(),
      brand,
    };
    const lifted = (made: RequestJudge): RequestJudge => ({
      ...made,
      judge: (input) => judgeLifted(bypass?.current(), () => made.judge(input)),
    });
    const judge = lifted(createDockerJudge({ ...judging, rules: () => rules.current }));
    const recording = {
      brand,
      durability: settings.durability,
      whenUnrecordable: settings.spoolFull === 'refuse-writes' ? 'refuse' : 'pass',
    } as const;
    const proxy = createDockerProxy({
      pool,
      identifier,
      recorder: spool.recorder,
      judge,
      facts,
      log,
      ...recording,
      ...marked,
    });
    const conditions = new Map<string, Condition>();
    const setCondition = (name: string, text: string | undefined, fix?: string) => {
      if (text === undefined) conditions.delete(name);
      else
        conditions.set(name, {
          name,
          text,
          since: conditions.get(name)?.since ?? new Date().toISOString(),
          ...(fix !== undefined && { fix }),
        });
    };
    const recordCondition = (...change: Parameters<typeof toConditionDraft>) => {
      const record = { kind: 'request', rid: spool.recorder.nextRid(), draft: toConditionDraft(...change) } as const;
      spool.recorder
        .request({ ...record, outcome: { state: 'done' } })
        .written.catch((error: unknown) => log.warn({ err: error }, 'a condition could not be put on record'));
    };
    const liftedCondition = (reason: string, until: number) => ({
      name: 'rules-lifted',
      text: `The rules are lifted by break-glass until ${new Date(until).toISOString()}: ${reason}`,
      fix: 'dockledger defender bypass --end',
    });
    bypass = await openBypass({
      path: join(directory, 'bypass.json'),
      onStart: (active, how) => {
        const condition = liftedCondition(active.reason, active.until);
        log.error({ ...active, how }, 'BREAK-GLASS: the rules are lifted');
        setCondition(condition.name, condition.text, condition.fix);
        recordCondition('raised', condition, Date.now(), { by: active.by, details: { ...active, how } });
      },
      onEnd: (ended, why, by) => {
        const condition = liftedCondition(ended.reason, ended.until);
        log.error({ ...ended, why }, 'break-glass is over: the rules are in force again');
        setCondition(condition.name, undefined);
        recordCondition('cleared', condition, Date.now(), { by, details: { ...ended, why } });
      },
      onWarning: (text) => log.warn(text),
    });
    closers.push(() => bypass?.close());
    let runningContainers: RunningContainers | undefined;
    proxy.onEngineState((state) => {
      // An engine that comes back may run other containers than it did.
      if (state.state === 'up' && conditions.has('engine-unavailable')) void runningContainers?.look();
      setCondition(
        'engine-unavailable',
        state.state === 'down'
          ? `The Docker engine at ${settings.engine} cannot be reached (${state.code}).`
          : undefined,
        'systemctl status docker',
      );
    });
    let dockerTls: Awaited<ReturnType<typeof openDockerTls>> | undefined;
    const client = createChannelClient((settings.consoleUrl ?? identity.consoleUrl).split(','), identity);
    const link: ConsoleLink = startConsoleLink({
      client,
      certificates: createCertificateKeeper({ path: identityPath, identity, client }),
      facts: () => loadFacts(settings.labels, identity.labels ?? {}),
      outbox: spool.outbox,
      defenderId,
      host,
      rulesVersion: () => rules.version,
      applyRules: async (next) => {
        try {
          await rules.apply(next);
          dockerTls?.recheck();
          setCondition('rules-rejected', undefined);
          void runningContainers?.look();
          log.info({ version: rules.version }, 'new rules are in force');
        } catch (error) {
          setCondition('rules-rejected', (error as Error).message);
          throw error;
        }
      },
      status: () => ({
        conditions: [...conditions.values()],
        engine: { reachable: proxy.engineState.state !== 'down' },
      }),
      onState: (state) => {
        log.info(
          state,
          state.state === 'connected' ? 'joined to the Console' : 'the Console is away; events stay in the spool',
        );
        if (state.state === 'connected') void runningContainers?.resend();
      },
      onWarning: (text) => log.warn(text),
    });
    closers.push(() => link.close());

    if (marks !== undefined) {
      const plugin = createAuthzPlugin({
        marks,
        judge,
        judgeOfUnknown: lifted(createDockerJudge({ ...judging, rules: () => rules.forUnknownCallers })),
        facts,
        recorder: spool.recorder,
        log,
        settings: recording,
      });
      await plugin.listen(await pluginAddress(settings.authzPluginListen));
      closers.push(() => plugin.close());
    }
    await makeSocketDirectory(dirname(proxyPath));
    await proxy.listen({
      path: proxyPath,
      mode: Number.parseInt(settings.proxyMode, 8),
      ...(proxyGid !== undefined && { gid: proxyGid }),
    });
    closers.push(() => proxy.close());
    if (settings.proxyTlsListen !== '') {
      dockerTls = await openDockerTls({
        listen: settings.proxyTlsListen,
        moreNames: settings.proxyTlsNames,
        host,
        file: join(directory, 'docker-tls.json'),
        createKey: () => createKeyWithRequest('Dockledger Defender'),
        ask: async (request) => {
          const answer = await client.send('POST', serverCertificateRoute, {
            body: Buffer.from(JSON.stringify(request)),
            headers: { [defenderHeader]: defenderId, 'content-type': 'application/json' },
          });
          if (answer.status === 200) return answer.body;
          throw new AppError('unavailable', `The Console answered ${answer.status}.`);
        },
        isRevoked: (serialNumber) => rules.isRevoked(serialNumber),
        proxy,
        recorder: spool.recorder,
        log,
        brand,
        setCondition,
      });
      closers.push(() => dockerTls?.close());
    }
    runningContainers = startRunningContainers({
      ask: async (path) => {
        const answer = await queryEngine(pool, path, passMark);
        if ('unavailable' in answer)
          throw new AppError('engine_unavailable', `the Docker engine cannot be reached (${answer.unavailable})`);
        return answer.status === 200 ? answer.value : undefined;
      },
      compliance: () => rules.compliance,
      rulesVersion: () => rules.version,
      defenderId,
      host,
      brand,
      guardedPaths: [enginePath, proxyPath, settings.dataDir],
      hasSELinux: await isSELinuxEnforcing(),
      imageFacts,
      realPath: realHostPath,
      send: async (report) => {
        const answer = await client.send('POST', channelRoutes.containers, {
          body: Buffer.from(JSON.stringify(report)),
          headers: { [defenderHeader]: defenderId, 'content-type': 'application/json' },
          signal: AbortSignal.timeout(30_000),
        });
        if (answer.status !== 204) throw new AppError('unavailable', `The Console answered ${answer.status}.`);
      },
      onWarning: (text) => log.warn(text),
    });
    closers.push(() => runningContainers?.close());
    const selfCheck = startSelfCheck({
      enginePath,
      proxy: {
        path: proxyPath,
        mode: Number.parseInt(settings.proxyMode, 8),
        gid: proxyGid ?? process.getgid?.() ?? 0,
      },
      // The engine names a plugin by its socket's file.
      plugin:
        settings.authzPluginListen === ''
          ? undefined
          : (/([^/]+)\.sock$/.exec(settings.authzPluginListen)?.[1] ?? 'dockledger'),
      askInfo: async () => {
        const answer = await queryEngine(pool, '/info', passMark);
        return 'unavailable' in answer || answer.status !== 200 ? undefined : answer.value;
      },
      onOpen: (door) => {
        log.warn(door, 'a door past the Defender is open');
        setCondition(door.name, door.text, door.fix);
        recordCondition('raised', door, Date.now());
      },
      onClosed: (door) => {
        setCondition(door.name, undefined);
        recordCondition('cleared', door, Date.now());
      },
      onFailure: (error) => log.warn({ err: error }, 'the self-check could not look'),
    });
    closers.push(() => selfCheck.close());
    const control = await openControlSocket({
      identifier,
      bypass,
      conditions: () => [...conditions.values()],
      look: () => selfCheck.look(),
      listen: (onConnection) =>
        listenOnSocket({ path: controlSocketPath(settings.dataDir), mode: 0o600 }, onConnection, 64),
    });
    closers.push(() => control.close());
    const hostLogs = startHostLogs({
      setting: settings.hostLogs,
      recorder: spool.sources,
      sessions,
      userNameOf,
      onCondition: (name, condition) => {
        const known = conditions.get(name);
        if (condition === undefined && known === undefined) return;
        setCondition(name, condition?.text, condition?.fix);
        if (condition === undefined) recordCondition('cleared', { name, text: known?.text ?? '' }, Date.now());
        else if (known === undefined) recordCondition('raised', { name, ...condition }, Date.now());
      },
    });
    closers.push(() => hostLogs.close());
    log.info({ sources: hostLogs.found.sources.map(({ name }) => name), why: hostLogs.found.reason }, 'host logs');
    return {
      endpoints: {
        dockerProxy: `unix://${proxyPath}`,
        dockerTlsProxy: dockerTls?.endpoint ?? null,
        authzPlugin: settings.authzPluginListen || null,
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
