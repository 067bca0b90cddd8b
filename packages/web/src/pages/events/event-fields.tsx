// The fields of one event in groups: decision, who, what, record. A value that can be filtered by is a link that does so.
import type { StoredAccessEvent } from '@dockledger/contract';
import type { ComponentChildren } from 'preact';
import { Link } from '../../components/link.tsx';
import { SafeText } from '../../components/safe-text.tsx';
import { type FilterField, toTerm } from '../../lib/event-filter.ts';
import { formatInstant, formatLength } from '../../lib/format-time.ts';
import { toVisibleText } from '../../lib/visible-text.ts';
import { taste } from '../../state/taste.ts';
import { hrefWithTerm } from './query-state.ts';

const reasons: Readonly<Record<string, string>> = {
  rule: 'The first matching rule decided.',
  'no-rule-matched': 'No rule matched, and what no rule allows is refused.',
  compliance: 'A compliance check blocks it.',
  malformed: 'The request could be read in two ways, so it was not let through.',
  'engine-unavailable': 'The Docker engine did not answer.',
  'spool-full': 'The Defender could not keep a record, so it let nothing through.',
  'judge-error': 'The rules could not be applied, so it was refused.',
  'host-log': 'Read from the host’s log; no rule was asked.',
};

const sources: Readonly<Record<string, string>> = {
  login: 'login user of the session',
  ancestor: 'nearest person above the process',
  peer: 'user of the calling process',
  container: 'a container with the socket mounted',
  certificate: 'client certificate',
  log: 'as the log line says',
  unknown: 'not known',
};

interface FieldProps {
  readonly name: string;
  readonly value: string | number | undefined;
  readonly field?: FilterField;
  readonly note?: string | undefined;
  /** True for sentences, false for names and values. Defaults to false. */
  readonly isProse?: boolean;
}

/** One name and value. Nothing when there is no value. */
function Field({ name, value, field, note, isProse = false }: FieldProps) {
  if (value === undefined || value === '') return null;
  const shown = <SafeText text={String(value)} />;
  return (
    <div class="field">
      <dt>{name}</dt>
      <dd class={isProse ? 'prose' : ''}>
        {field === undefined ? (
          shown
        ) : (
          <Link
            class="value"
            href={hrefWithTerm(toTerm(field, String(value)))}
            altHref={hrefWithTerm(toTerm(field, String(value), true))}
            title="Only events with this value; alt-click excludes it"
          >
            {shown}
          </Link>
        )}
        {note !== undefined && note !== '' && <span class="muted note"> {note}</span>}
      </dd>
    </div>
  );
}

function Group({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <section class="detail-group">
      <h3>{title}</h3>
      <dl>{children}</dl>
    </section>
  );
}

/** What was decided, by which rule, why, and what came of it. */
export function Decision({ event }: { readonly event: StoredAccessEvent }) {
  const { decision } = event;
  return (
    <Group title="Decision">
      <Field name="Rule" value={decision.rule} field="rule" />
      <Field name="Why" value={reasons[decision.reason] ?? decision.reason} isProse />
      <Field name={decision.effect === 'deny' ? 'Client saw' : 'Message'} value={decision.text} />
      {decision.findings.map((finding, index) => (
        <Field
          key={index}
          name={finding.effect === 'alert' ? 'Alert' : 'Finding'}
          value={finding.text}
          note={finding.rule}
        />
      ))}
      <Field
        name="Outcome"
        value={
          event.outcome.status === undefined
            ? event.outcome.state
            : `${event.outcome.state}, HTTP ${event.outcome.status}`
        }
        note={event.outcome.error}
      />
    </Group>
  );
}

/** Who did it, with whose rights, from where. */
export function Who({ event: { actor } }: { readonly event: StoredAccessEvent }) {
  return (
    <Group title="Who">
      <Field name="User" value={actor.user} field="user" note={sources[actor.userSource]} />
      <Field
        name="Rights of"
        value={actor.effectiveUser}
        note={actor.uid === undefined ? undefined : `uid ${actor.uid}`}
      />
      <Field
        name="Login user"
        value={actor.loginUser}
        note={actor.loginUid === undefined ? undefined : `uid ${actor.loginUid}`}
      />
      <Field name="Groups" value={actor.groups?.join(', ')} />
      <Field name="Command" value={actor.commandLine} />
      <Field name="Program" value={actor.exe} note={actor.pid === undefined ? undefined : `pid ${actor.pid}`} />
      <Field name="From container" value={actor.containerName ?? actor.containerId} />
      <Field name="Certificate" value={actor.certificate} />
      <Field
        name="Source address"
        value={actor.sourceIP}
        field="sourceIP"
        note={actor.sourcePort === undefined ? undefined : `port ${actor.sourcePort}`}
      />
      <Field name="Session" value={actor.sessionId} field="session" />
    </Group>
  );
}

/** What was done, on what. */
export function Target({ event: { target, request, api, type } }: { readonly event: StoredAccessEvent }) {
  return (
    <Group title="What">
      <Field name="Action" value={api} field="api" />
      <Field name="Kind" value={type} field="type" />
      <Field name="Container" value={target.containerName} field="container" />
      <Field name="Container id" value={target.containerId} />
      <Field name="Image" value={target.imageName} field="image" />
      <Field name="Image id" value={target.imageId} />
      <Field name="Target" value={target.other} note={target.kind} />
      <Field name="Namespace" value={target.namespace} />
      {Object.entries(target.labels ?? {}).map(([name, value]) => (
        <Field key={name} name="Label" value={`${name}=${value}`} />
      ))}
      {request !== undefined && <Field name="Request" value={`${request.method} ${request.target ?? request.route}`} />}
      {Object.entries(request?.summary ?? {}).map(([name, value]) => (
        <Field
          key={name}
          name={toVisibleText(name)}
          value={typeof value === 'string' ? value : JSON.stringify(value)}
        />
      ))}
    </Group>
  );
}

/** When and where it was seen, and its place on record. */
export function Record({ event }: { readonly event: StoredAccessEvent }) {
  const { zone } = taste.value;
  const zoneName = zone === 'utc' ? 'UTC' : 'local';
  const delayMs = Date.parse(event.receivedAt) - Date.parse(event.lastTime ?? event.time);
  return (
    <Group title="Record">
      <Field name="Happened" value={formatInstant(Date.parse(event.time), zone)} note={zoneName} />
      {event.lastTime !== undefined && (
        <Field name="Until" value={formatInstant(Date.parse(event.lastTime), zone)} note={`${event.count} times`} />
      )}
      <Field
        name="Received"
        value={formatInstant(Date.parse(event.receivedAt), zone)}
        note={delayMs >= 1000 ? `${formatLength(delayMs)} later` : undefined}
      />
      <Field
        name="Host"
        value={event.host.hostname}
        field="hostname"
        note={event.host.fqdn === event.host.hostname ? '' : event.host.fqdn}
      />
      <Field name="Cluster" value={event.host.cluster} field="cluster" />
      <Field name="Account" value={event.host.accountID} />
      <Field name="Collections" value={event.collections.join(', ')} />
      <Field name="Seen by" value={event.provenance} note={event.confidence} />
      <Field name="Defender" value={event.defenderId} field="defender" />
      <Field name="Event id" value={event.id} />
      <Field name="Ledger position" value={event.ledgerIndex} />
      {Object.entries(event.details ?? {}).map(([name, value]) => (
        <Field
          key={name}
          name={toVisibleText(name)}
          value={typeof value === 'string' ? value : JSON.stringify(value)}
        />
      ))}
    </Group>
  );
}
