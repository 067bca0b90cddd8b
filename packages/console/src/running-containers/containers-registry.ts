// What the compliance rules found on running containers, the newest look of each Defender. Kept in memory: a Defender tells
// it again when the Console was away.
import type { ContainerFindings, ContainersReport } from '@dockledger/contract';

/** One container's findings with the host they were found on. */
export interface KnownContainer extends ContainerFindings {
  readonly defenderId: string;
  readonly hostname: string;
  readonly checkedAt: string;
}

/** Keeps the newest report of each Defender. */
export class ContainersRegistry {
  readonly #reports = new Map<string, ContainersReport>();
  readonly #hostnameOf: (defenderId: string) => string;

  /** `hostnameOf` names a Defender's host; empty when it is not known. */
  constructor(hostnameOf: (defenderId: string) => string) {
    this.#hostnameOf = hostnameOf;
  }

  /** Replaces what was known of that Defender. */
  report(report: ContainersReport): void {
    this.#reports.set(report.defenderId, report);
  }

  /** Every container with findings, by host and name. */
  list(): readonly KnownContainer[] {
    return [...this.#reports.values()]
      .flatMap(({ defenderId, checkedAt, containers }) =>
        containers.map((found) => ({ ...found, defenderId, checkedAt, hostname: this.#hostnameOf(defenderId) })),
      )
      .toSorted((a, b) => `${a.hostname}\n${a.containerName}`.localeCompare(`${b.hostname}\n${b.containerName}`));
  }

  /** When each Defender looked, and at how many containers. */
  looks(): readonly {
    readonly defenderId: string;
    readonly checkedAt: string;
    readonly running: number;
    readonly rulesVersion: number;
  }[] {
    return [...this.#reports.values()].map(({ defenderId, checkedAt, running, rulesVersion }) => ({
      defenderId,
      checkedAt,
      running,
      rulesVersion,
    }));
  }
}
