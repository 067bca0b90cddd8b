// The JSON bodies that the engine reads, by action, as of API 1.53 and back to 1.12.
// Invariant: every field that any supported engine version honours is here under its documented spelling, since what
// is not here is not judged.
import { any, flag, integer, list, map, number, type Shape, struct, text, textOrList } from './body-schema.ts';

const texts = list(text);
const textMap = map(text);
/** Go's `map[…]struct{}`: a set of keys. */
const keySet = map(struct({}));

const healthcheck = struct({
  Test: texts,
  Interval: integer,
  Timeout: integer,
  StartPeriod: integer,
  StartInterval: integer,
  Retries: integer,
});

const driver = struct({ Name: text, Options: textMap });

const mount = struct({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: struct({
    Propagation: text,
    NonRecursive: flag,
    CreateMountpoint: flag,
    ReadOnlyNonRecursive: flag,
    ReadOnlyForceRecursive: flag,
  }),
  VolumeOptions: struct({ NoCopy: flag, Labels: textMap, DriverConfig: driver, Subpath: text }),
  ImageOptions: struct({ Subpath: text }),
  TmpfsOptions: struct({ SizeBytes: integer, Mode: integer, Options: list(texts) }),
  ClusterOptions: struct({}),
});

const containerConfigFields = {
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: keySet,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: texts,
  Cmd: textOrList,
  Healthcheck: healthcheck,
  ArgsEscaped: flag,
  Image: text,
  Volumes: keySet,
  WorkingDir: text,
  Entrypoint: textOrList,
  NetworkDisabled: flag,
  MacAddress: text,
  OnBuild: texts,
  Labels: textMap,
  StopSignal: text,
  StopTimeout: integer,
  Shell: textOrList,
} as const;

const weightDevices = list(struct({ Path: text, Weight: integer }));
const throttleDevices = list(struct({ Path: text, Rate: integer }));

const resourceFields = {
  CpuShares: integer,
  Memory: integer,
  NanoCpus: integer,
  CgroupParent: text,
  BlkioWeight: integer,
  BlkioWeightDevice: weightDevices,
  BlkioDeviceReadBps: throttleDevices,
  BlkioDeviceWriteBps: throttleDevices,
  BlkioDeviceReadIOps: throttleDevices,
  BlkioDeviceWriteIOps: throttleDevices,
  CpuPeriod: integer,
  CpuQuota: integer,
  CpuRealtimePeriod: integer,
  CpuRealtimeRuntime: integer,
  CpusetCpus: text,
  CpusetMems: text,
  Devices: list(struct({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text })),
  DeviceCgroupRules: texts,
  DeviceRequests: list(
    struct({ Driver: text, Count: integer, DeviceIDs: texts, Capabilities: list(texts), Options: textMap }),
  ),
  DiskQuota: integer,
  KernelMemory: integer,
  KernelMemoryTCP: integer,
  MemoryReservation: integer,
  MemorySwap: integer,
  MemorySwappiness: integer,
  OomKillDisable: flag,
  PidsLimit: integer,
  Ulimits: list(struct({ Name: text, Hard: integer, Soft: integer })),
  CpuCount: integer,
  CpuPercent: integer,
  IOMaximumIOps: integer,
  IOMaximumBandwidth: integer,
} as const;

const restartPolicy = struct({ Name: text, MaximumRetryCount: integer });

/** The fields of HostConfig, which old engines also read at the top level of a create body. */
export const hostConfigFields = {
  Binds: texts,
  ContainerIDFile: text,
  LogConfig: struct({ Type: text, Config: textMap }),
  NetworkMode: text,
  PortBindings: map(list(struct({ HostIp: text, HostPort: text }))),
  RestartPolicy: restartPolicy,
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: texts,
  ConsoleSize: list(integer),
  Annotations: textMap,
  CapAdd: textOrList,
  CapDrop: textOrList,
  Capabilities: textOrList,
  CgroupnsMode: text,
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  IpcMode: text,
  Cgroup: text,
  Links: texts,
  LxcConf: any,
  OomScoreAdj: integer,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: texts,
  StorageOpt: textMap,
  Tmpfs: textMap,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: integer,
  Sysctls: textMap,
  Runtime: text,
  Isolation: text,
  ...resourceFields,
  Mounts: list(mount),
  MaskedPaths: texts,
  ReadonlyPaths: texts,
  Init: flag,
} as const;

const endpointSettings = struct({
  IPAMConfig: struct({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: texts }),
  Links: texts,
  Aliases: texts,
  MacAddress: text,
  DriverOpts: textMap,
  GwPriority: integer,
  NetworkID: text,
  EndpointID: text,
  Gateway: text,
  IPAddress: text,
  IPPrefixLen: integer,
  IPv6Gateway: text,
  GlobalIPv6Address: text,
  GlobalIPv6PrefixLen: integer,
  DNSNames: texts,
});

const containerCreate = struct({
  // Read by old engines only, and refused when they would do something: see canonical-body.ts.
  ...hostConfigFields,
  Cpuset: text,
  ...containerConfigFields,
  HostConfig: struct(hostConfigFields),
  NetworkingConfig: struct({ EndpointsConfig: map(endpointSettings) }),
});

const serviceSpec = struct({
  Name: text,
  Labels: textMap,
  TaskTemplate: struct({
    ContainerSpec: struct({
      Image: text,
      Labels: textMap,
      Command: texts,
      Args: texts,
      Hostname: text,
      Env: texts,
      Dir: text,
      User: text,
      Groups: texts,
      Privileges: struct({
        CredentialSpec: struct({ Config: text, File: text, Registry: text }),
        SELinuxContext: struct({ Disable: flag, User: text, Role: text, Type: text, Level: text }),
        Seccomp: struct({ Mode: text, Profile: text }),
        AppArmor: struct({ Mode: text }),
        NoNewPrivileges: flag,
      }),
      Init: flag,
      StopSignal: text,
      TTY: flag,
      OpenStdin: flag,
      ReadOnly: flag,
      Mounts: list(mount),
      StopGracePeriod: integer,
      Healthcheck: healthcheck,
      Hosts: texts,
      DNSConfig: struct({ Nameservers: texts, Search: texts, Options: texts }),
      Secrets: any,
      Configs: any,
      Isolation: text,
      Sysctls: textMap,
      CapabilityAdd: texts,
      CapabilityDrop: texts,
      Ulimits: list(struct({ Name: text, Hard: integer, Soft: integer })),
      OomScoreAdj: integer,
    }),
    PluginSpec: any,
    NetworkAttachmentSpec: struct({ ContainerID: text }),
    Resources: struct({
      Limits: struct({ NanoCPUs: integer, MemoryBytes: integer, Pids: integer }),
      Reservations: struct({ NanoCPUs: integer, MemoryBytes: integer, GenericResources: any }),
      SwapBytes: integer,
      MemorySwappiness: integer,
    }),
    RestartPolicy: struct({ Condition: text, Delay: integer, MaxAttempts: integer, Window: integer }),
    Placement: any,
    Networks: list(struct({ Target: text, Aliases: texts, DriverOpts: textMap })),
    LogDriver: driver,
    ForceUpdate: integer,
    Runtime: text,
  }),
  Mode: any,
  UpdateConfig: struct({
    Parallelism: integer,
    Delay: integer,
    FailureAction: text,
    Monitor: integer,
    MaxFailureRatio: number,
    Order: text,
  }),
  RollbackConfig: struct({
    Parallelism: integer,
    Delay: integer,
    FailureAction: text,
    Monitor: integer,
    MaxFailureRatio: number,
    Order: text,
  }),
  Networks: list(struct({ Target: text, Aliases: texts, DriverOpts: textMap })),
  EndpointSpec: struct({
    Mode: text,
    Ports: list(struct({ Name: text, Protocol: text, TargetPort: integer, PublishedPort: integer, PublishMode: text })),
  }),
});

const templated = struct({ Name: text, Labels: textMap, Data: text, Driver: driver, Templating: driver });
const pluginPrivileges = list(struct({ Name: text, Description: text, Value: texts }));

/** What is known of the body of one action. */
export interface BodyRule {
  readonly shape: Shape;
  /** The engine acts on an empty body as if everything were zero, or fails: either way nothing could be judged. */
  readonly isRequired: boolean;
}

const required = (shape: Shape): BodyRule => ({ shape, isRequired: true });
const optional = (shape: Shape): BodyRule => ({ shape, isRequired: false });

/** The body of each action whose route has a JSON body. */
export const bodyRules: ReadonlyMap<string, BodyRule> = new Map([
  ['container_create', required(containerCreate)],
  ['container_update', required(struct({ ...resourceFields, RestartPolicy: restartPolicy }))],
  // A body was HostConfig up to API 1.23 and rewrote the container; nothing current sends one.
  ['container_start', optional(struct(hostConfigFields))],
  ['container_commit', optional(struct(containerConfigFields))],
  ['container_copyfiles', required(struct({ Resource: text }))],
  ['container_checkpoint_create', required(struct({ CheckpointID: text, CheckpointDir: text, Exit: flag }))],
  [
    'container_exec_create',
    required(
      struct({
        User: text,
        Privileged: flag,
        Tty: flag,
        ConsoleSize: list(integer),
        AttachStdin: flag,
        AttachStderr: flag,
        AttachStdout: flag,
        Detach: flag,
        DetachKeys: text,
        Env: texts,
        WorkingDir: text,
        Cmd: texts,
        Container: text,
      }),
    ),
  ],
  ['container_exec_start', optional(struct({ Detach: flag, Tty: flag, ConsoleSize: list(integer) }))],
  ['image_push', optional(any)],
  [
    'docker_check_auth',
    required(
      struct({
        username: text,
        password: text,
        auth: text,
        email: text,
        serveraddress: text,
        identitytoken: text,
        registrytoken: text,
      }),
    ),
  ],
  [
    'volume_create',
    optional(struct({ Name: text, Driver: text, DriverOpts: textMap, Labels: textMap, ClusterVolumeSpec: any })),
  ],
  ['volume_update', required(any)],
  [
    'network_create',
    required(
      struct({
        Name: text,
        CheckDuplicate: flag,
        Driver: text,
        Scope: text,
        EnableIPv4: flag,
        EnableIPv6: flag,
        IPAM: struct({
          Driver: text,
          Options: textMap,
          Config: list(struct({ Subnet: text, IPRange: text, Gateway: text, AuxiliaryAddresses: textMap })),
        }),
        Internal: flag,
        Attachable: flag,
        Ingress: flag,
        ConfigOnly: flag,
        ConfigFrom: struct({ Network: text }),
        Options: textMap,
        Labels: textMap,
      }),
    ),
  ],
  ['network_connect', required(struct({ Container: text, EndpointConfig: endpointSettings }))],
  ['network_disconnect', required(struct({ Container: text, Force: flag }))],
  ['swarm_init', required(any)],
  ['swarm_join', required(any)],
  ['swarm_update', required(any)],
  ['swarm_unlock', required(any)],
  ['service_create', required(serviceSpec)],
  ['service_update', required(serviceSpec)],
  ['node_update', required(struct({ Name: text, Labels: textMap, Role: text, Availability: text }))],
  ['secret_create', required(templated)],
  ['secret_update', required(templated)],
  ['config_create', required(templated)],
  ['config_update', required(templated)],
  ['plugin_pull', optional(pluginPrivileges)],
  ['plugin_upgrade', optional(pluginPrivileges)],
  ['plugin_set', optional(texts)],
]);
