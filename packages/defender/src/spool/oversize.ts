// Keeps one record from filling the spool: of what is too long, head, tail and digest stay.
// Invariant: the record that comes back is smaller than the limit, and who, what, when and the decision are never cut.
import { createHash } from 'node:crypto';
import type { RequestRecord } from '@dockledger/contract';

/** Records larger than this are cut. */
export const maxRecordBytes = 256 * 1024;

const keptCharacters = 8 * 1024;

function toCut(text: string): { cutCharacters: number; sha256: string; head: string; tail: string } {
  return {
    cutCharacters: text.length - 2 * keptCharacters,
    sha256: createHash('sha256').update(text).digest('hex'),
    head: text.slice(0, keptCharacters),
    tail: text.slice(-keptCharacters),
  };
}

/** The same record with its long parts cut. */
export function cutRecord(record: RequestRecord): RequestRecord {
  const { raw, request, details, ...draft } = record.draft;
  const commandLine = draft.actor.commandLine;
  const isLong = (value: unknown): boolean => (JSON.stringify(value) ?? '').length > 2 * keptCharacters;
  const cutText = (text: string): string => {
    if (!isLong(text)) return text;
    const { cutCharacters, sha256, head, tail } = toCut(text);
    return `${head} … [${cutCharacters} characters cut, sha256 of the whole ${sha256}] … ${tail}`;
  };
  const cutFacts = (facts: Record<string, unknown>): Record<string, unknown> =>
    isLong(facts) ? { cut: toCut(JSON.stringify(facts)) } : facts;
  const { target = '', summary } = request ?? {};
  const { labels, ...object } = draft.target;
  return {
    ...record,
    draft: {
      ...draft,
      actor: { ...draft.actor, ...(commandLine !== undefined && { commandLine: cutText(commandLine) }) },
      target: {
        ...object,
        ...(labels !== undefined && {
          labels: isLong(labels) ? { 'dockledger.cut': cutText(JSON.stringify(labels)) } : labels,
        }),
      },
      ...(raw !== undefined && { raw: cutText(raw) }),
      ...(details !== undefined && { details: cutFacts(details) }),
      ...(request !== undefined && {
        request: {
          ...request,
          ...(target !== '' && { target: cutText(target) }),
          ...(summary !== undefined && { summary: cutFacts(summary) }),
        },
      }),
    },
  };
}
