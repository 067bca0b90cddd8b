// What becomes of exported JSON of the vendor's Console: the requests that would make the same here, and what has no counterpart.
// Pure: nothing is asked or changed.

/** One request of the compatible API. `id` names the thing in its list. */
export interface ImportStep {
  readonly kind: 'collection' | 'role' | 'user' | 'group' | 'rules' | 'compliance rules' | 'custom labels';
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The steps in the order in which they can be taken, and what is left out or changed, a sentence each. */
export interface ImportPlan {
  readonly steps: readonly ImportStep[];
  readonly notes: readonly string[];
}

type Entry = Readonly<Record<string, unknown>>;

const order = ['collection', 'role', 'user', 'group', 'rules', 'compliance rules', 'custom labels'] as const;
const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || value === false || (Array.isArray(value) && !value.length);

/** Rule fields that our compatible route reads; others are told of. */
const ruleFields = new Set(
  'name previousName owner modified notes disabled effect action group principal auditAllowed blockMsg verbose collections condition'.split(
    ' ',
  ),
);

/** Plans a document: an answer of one of the vendor's routes, a list of such answers, or an object that holds several by any name. */
export function planImport(document: unknown): ImportPlan {
  const steps: ImportStep[] = [];
  const notes: string[] = [];
  take(document, steps, notes);
  return { steps: order.flatMap((kind) => steps.filter((step) => step.kind === kind)), notes };
}

function take(value: unknown, steps: ImportStep[], notes: string[]): void {
  if (Array.isArray(value)) {
    for (const each of value) take(each, steps, notes);
    return;
  }
  if (!isEntry(value)) return;
  const step = toStep(value, notes);
  if (step === 'skipped') return;
  if (step !== undefined) steps.push(step);
  else if (Object.values(value).some((part) => isEntry(part) || Array.isArray(part)))
    for (const part of Object.values(value)) take(part, steps, notes);
  else notes.push(`Not understood, left out: ${JSON.stringify(value).slice(0, 100)}`);
}

function toStep(entry: Entry, notes: string[]): ImportStep | 'skipped' | undefined {
  if (Array.isArray(entry['rules'])) return toRules(entry, entry['rules'], notes);
  if ('groupName' in entry) return { kind: 'group', id: textOf(entry['groupName']), body: entry };
  if ('username' in entry) return toUser(entry, notes);
  if (Array.isArray(entry['perms'])) {
    const id = textOf(entry['name']);
    if (entry['system'] !== true) return { kind: 'role', id, body: entry };
    notes.push(`Role "${id}" is built in here too: left out.`);
    return 'skipped';
  }
  if (Array.isArray(entry['labels']) && !('name' in entry)) {
    notes.push('Custom labels are kept, and change nothing: events carry all labels of their target.');
    return { kind: 'custom labels', id: 'custom labels', body: entry };
  }
  const isCollection = ['containers', 'images', 'hosts', 'clusters', 'accountIDs'].some((field) =>
    Array.isArray(entry[field]),
  );
  return isCollection && 'name' in entry ? toCollection(entry, notes) : undefined;
}

function toCollection(entry: Entry, notes: string[]): ImportStep | 'skipped' {
  const id = textOf(entry['name']);
  if (entry['system'] === true || id === 'All') {
    notes.push(`Collection "${id}" is built in: left out.`);
    return 'skipped';
  }
  for (const field of ['appIDs', 'functions', 'codeRepos']) {
    const patterns = entry[field];
    if (Array.isArray(patterns) && patterns.some((pattern) => pattern !== '*'))
      notes.push(`Collection "${id}" names ${field}, which no event here has: it will match nothing.`);
  }
  return { kind: 'collection', id, body: entry };
}

function toUser(entry: Entry, notes: string[]): ImportStep | 'skipped' {
  const id = textOf(entry['username']);
  const from = textOf(entry['authType']) || 'basic';
  if (from !== 'basic') {
    notes.push(`User "${id}" comes from ${from}: left out.`);
    return 'skipped';
  }
  if (isEmpty(entry['password']))
    notes.push(`User "${id}" has no password in the export: a new user gets a generated one, which is printed once.`);
  return { kind: 'user', id, body: entry };
}

function toRules(entry: Entry, rules: readonly unknown[], notes: string[]): ImportStep | 'skipped' {
  const type = textOf(entry['policyType']) || 'docker';
  if (type === 'containerCompliance') return { kind: 'compliance rules', id: 'compliance rules', body: entry };
  if (type !== 'docker') {
    notes.push(`Policy "${type}" has no counterpart: left out.`);
    return 'skipped';
  }
  for (const rule of rules.filter(isEntry)) {
    const lost = Object.keys(rule).filter((field) => !ruleFields.has(field) && !isEmpty(rule[field]));
    if (lost.length > 0)
      notes.push(`Rule "${textOf(rule['name'])}": without ${lost.join(', ')}, which mean nothing here.`);
  }
  notes.push(`The ${rules.length} rules replace the ordered list that is in force.`);
  return { kind: 'rules', id: 'rules', body: { policyType: 'docker', rules } };
}
