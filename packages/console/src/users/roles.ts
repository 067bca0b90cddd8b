// The built-in roles and what each may do. A route names one permission; a role that lacks it gets 403.
// Admin and operator always see every event; the others may be limited to collections.

/** Every permission that a role may hold, by the compatible API's names. Routes of this Console ask for some of them only. */
export const permissions = [
  'radarsContainers',
  'radarsHosts',
  'radarsServerless',
  'radarsCloud',
  'policyContainers',
  'policyHosts',
  'policyServerless',
  'policyCloud',
  'policyComplianceCustomRules',
  'policyRuntimeContainer',
  'policyRuntimeHosts',
  'policyRuntimeServerless',
  'policyCustomRules',
  'policyWAAS',
  'policyCNNF',
  'policyAccessSecrets',
  'policyAccessKubernetes',
  'policyAccessDocker',
  'monitorVuln',
  'monitorCompliance',
  'monitorImages',
  'monitorHosts',
  'monitorServerless',
  'monitorCloud',
  'monitorCI',
  'monitorRuntimeContainers',
  'monitorRuntimeHosts',
  'monitorRuntimeServerless',
  'monitorRuntimeIncidents',
  'sandbox',
  'monitorWAAS',
  'monitorCNNF',
  'monitorAccessDocker',
  'monitorAccessKubernetes',
  'systemLogs',
  'manageDefenders',
  'manageAlerts',
  'collections',
  'manageCreds',
  'authConfiguration',
  'userManagement',
  'systemOperations',
  'privilegedOperations',
  'downloads',
  'accessUI',
  'uIEventSubscriber',
  'user',
] as const;

/** One permission. */
export type Permission = (typeof permissions)[number];

/** True when the text names a permission that a role may hold. */
export function isPermission(text: string): text is Permission {
  return (permissions as readonly string[]).includes(text);
}

/** What a permission gives: reading, or reading and changing. */
export type Grant = 'read' | 'write';

/** A role: its name for people and its grants. */
export interface Role {
  readonly name: string;
  readonly grants: ReadonlyMap<Permission, Grant>;
  /** True for roles that no collection limits. */
  readonly seesAll: boolean;
}

const all = new Map(permissions.map((permission) => [permission, 'write'] as const));
const own: readonly [Permission, Grant][] = [['user', 'write']];
const page: readonly [Permission, Grant][] = [...own, ['accessUI', 'read']];
const role = (name: string, grants: Iterable<readonly [Permission, Grant]>, seesAll = false): Role => ({
  name,
  grants: new Map(grants),
  seesAll,
});
const readEverything: readonly [Permission, Grant][] = [
  ...page,
  ['monitorAccessDocker', 'read'],
  ['policyAccessDocker', 'read'],
  ['policyContainers', 'read'],
  ['collections', 'read'],
  ['manageDefenders', 'read'],
  ['systemLogs', 'read'],
  ['downloads', 'read'],
];

/** The ten built-in roles by id. */
export const builtInRoles = {
  admin: role('Administrator', all, true),
  operator: role(
    'Operator',
    [...all].filter(
      ([name]) => name !== 'userManagement' && name !== 'authConfiguration' && name !== 'privilegedOperations',
    ),
    true,
  ),
  auditor: role('Auditor', readEverything),
  defenderManager: role('Defender Manager', [
    ...page,
    ['monitorAccessDocker', 'read'],
    ['manageDefenders', 'write'],
    ['downloads', 'read'],
  ]),
  devSecOps: role('DevSecOps User', [...page, ['monitorAccessDocker', 'read'], ['collections', 'read']]),
  cloudAccountManager: role('Cloud Account Manager', page),
  vulnerabilityManager: role('Vulnerability Manager', page),
  devOps: role('DevOps User', page),
  user: role('Access User', own),
  ci: role('CI User', own),
} as const satisfies Record<string, Role>;

/** Id of a built-in role. */
export type RoleId = keyof typeof builtInRoles;

/** True when the text is the id of a built-in role. */
export function isRoleId(text: string): text is RoleId {
  return Object.hasOwn(builtInRoles, text);
}
