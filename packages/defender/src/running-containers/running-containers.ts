// Judges what already runs by the compliance rules in force: at start, when the rules change, and daily.
// Invariant: only looks, never acts; one look at a time; a report is kept until the Console has it.
import { type ContainerFindings, type ContainersReport, toInstant } from '@dockledger/contract';
import {
  type CompiledComplianceRules,
  evaluateCompliance,
  type HostMount,
  type ImageFacts,
  listedMounts,
  type ScopeFacts,
  toRunningWorkload,
  type VolumeFacts,
} from '@dockledger/rules';

/** What the look is made of. */
export interface RunningContainersOptions {
  /** `GET path` of the engine as parsed JSON; undefined when there is no such thing. Throws when it cannot be asked. */
  readonly ask: (path: string) => Promise<unknown>;
  readonly compliance: () => CompiledComplianceRules;
  readonly rulesVersion: () => number;
  readonly defenderId: string;
  /** This host, as collections name it. */
  readonly host: Pick<ScopeFacts, 'hostname' | 'fqdn' | 'cluster' | 'accountID'>;
  readonly brand: string;
  readonly guardedPaths: readonly string[];
  readonly hasSELinux: boolean;
  /** What checks need of an image, from its inspect answer. */
  readonly imageFacts: (inspected: unknown, nowMs: number) => ImageFacts;
  /** The path with its symlinks resolved; undefined when it cannot be. */
  readonly realPath: (path: string) => Promise<string | undefined>;
  /** Brings a report to the Console. Rejects when it is away. */
  readonly send: (report: ContainersReport) => Promise<void>;
  readonly onWarning: (text: string) => void;
  /** Time between two looks without a reason. Defaults to a day. */
  readonly everyMs?: number;
}

/** A running look-out. */
export interface RunningContainers {
  /** Looks anew and reports; for a change of the rules. */
  look(): Promise<void>;
  /** Sends the last report again; for a Console that was away. */
  resend(): Promise<void>;
  close(): Promise<void>;
}

const dayMs = 86_400_000;
/** Room for the report within what the channel takes. */
const mostReportBytes = 768 * 1024;

function member(value: unknown, ...keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys)
    found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[key] : undefined;
  return found;
}

const textAt = (value: unknown, ...keys: readonly string[]): string => {
  const found = member(value, ...keys);
  return typeof found === 'string' ? found : '';
};

function textMapAt(value: unknown, ...keys: readonly string[]): Record<string, string> {
  const found = member(value, ...keys);
  if (typeof found !== 'object' || found === null) return {};
  return Object.fromEntries(
    Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** One look at everything that runs. Throws when the engine cannot be asked. */
export async function findOnRunning(options: RunningContainersOptions, nowMs: number): Promise<ContainersReport> {
  const { ask, host, brand, guardedPaths, hasSELinux } = options;
  const listed = await ask('/containers/json');
  const ids = (Array.isArray(listed) ? listed : []).map((each) => textAt(each, 'Id')).filter((id) => id !== '');
  const compliance = options.compliance();
  const report = {
    defenderId: options.defenderId,
    checkedAt: toInstant(nowMs),
    running: ids.length,
    rulesVersion: options.rulesVersion(),
  };
  if (compliance.rules.length === 0) return { ...report, containers: [] };

  const volumeOf = async (name: string): Promise<VolumeFacts | undefined> => {
    const found = await ask(`/volumes/${name}`);
    return found === undefined ? undefined : { driver: textAt(found, 'Driver'), options: textMapAt(found, 'Options') };
  };
  const containers: ContainerFindings[] = [];
  let bytes = 0;
  for (const id of ids) {
    const inspected = await ask(`/containers/${id}/json`);
    if (inspected === undefined) continue;
    const mounts = member(inspected, 'Mounts');
    const volumes = new Map<string, VolumeFacts>();
    for (const mount of Array.isArray(mounts) ? mounts : []) {
      const name = textAt(mount, 'Name');
      if (textAt(mount, 'Type') !== 'volume' || name === '') continue;
      const facts = await volumeOf(name);
      if (facts !== undefined) volumes.set(name, facts);
    }
    const realPaths = new Map<string, string>();
    for (const { source } of listedMounts(inspected) as readonly HostMount[]) {
      const real = await options.realPath(source);
      if (real !== undefined && real !== source) realPaths.set(source, real);
    }
    const image = compliance.usesImage ? await ask(`/images/${textAt(inspected, 'Image')}/json`) : undefined;
    const workload = toRunningWorkload(inspected, {
      ...(image !== undefined && { image: options.imageFacts(image, nowMs) }),
      volumes: (name) => volumes.get(name),
      realPaths,
      guardedPaths,
      hasSELinux,
    });
    if (workload === undefined) continue;
    const labels = textMapAt(inspected, 'Config', 'Labels');
    const containerName = textAt(inspected, 'Name');
    const imageName = textAt(inspected, 'Config', 'Image');
    const target: ScopeFacts = {
      ...host,
      containerName,
      imageName,
      labels,
      namespace: labels['io.kubernetes.pod.namespace'],
    };
    const { findings } = evaluateCompliance(compliance, workload, target, { brand });
    if (findings.length === 0) continue;
    const found: ContainerFindings = { containerId: id, containerName, imageName, findings: [...findings] };
    bytes += JSON.stringify(found).length;
    if (bytes > mostReportBytes || containers.length >= 2000) break;
    containers.push(found);
  }
  return { ...report, containers };
}

/** Starts with a first look. */
export function startRunningContainers(options: RunningContainersOptions): RunningContainers {
  let last: ContainersReport | undefined;
  let isClosed = false;
  let running: Promise<void> = Promise.resolve();
  const send = async () => {
    // A Console that is away is told when it is back.
    if (last !== undefined && !isClosed) await options.send(last).catch(() => {});
  };
  const lookOnce = async () => {
    if (isClosed) return;
    try {
      last = await findOnRunning(options, Date.now());
    } catch (error) {
      options.onWarning(`What already runs could not be looked at: ${(error as Error).message}`);
      return;
    }
    await send();
  };
  const look = (): Promise<void> => (running = running.then(lookOnce));
  void look();
  const timer = setInterval(() => void look(), options.everyMs ?? dayMs);
  timer.unref();
  return {
    look,
    resend: () => (last === undefined ? look() : (running = running.then(send))),
    close: async () => {
      isClosed = true;
      clearInterval(timer);
      await running;
    },
  };
}
