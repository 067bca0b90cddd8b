import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../testing/an-event.ts';
import { eventBytesOf, parseEnvelope, toLedgerEntry, toStoredEvent } from './ledger-entry.ts';

const at = '2026-11-23T10:00:01.000Z';

describe('ledger entry', () => {
  it('carries the bytes of the event verbatim, whatever collections and event hold', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.string({ unit: 'binary' }), (collections, user) => {
        const event = anEvent({ actor: { user: `${user},"event":` } });
        const bytes = Buffer.from(JSON.stringify(event, null, 1));
        const entry = toLedgerEntry({ event, bytes }, { at, collections });
        expect(Buffer.from(eventBytesOf(entry) ?? []).equals(bytes)).toBe(true);
        expect(toStoredEvent(entry, 7)).toMatchObject({ ledgerIndex: 7, receivedAt: at });
      }),
    );
  });

  it('has an envelope with its keys in a fixed order', () => {
    const event = anEvent();
    const { envelope } = toLedgerEntry({ event, bytes: Buffer.from(JSON.stringify(event)) }, { at, collections: [] });
    expect(Object.keys(parseEnvelope(envelope))).toEqual([
      'v',
      'defender',
      'epoch',
      'seq',
      'time',
      'type',
      'length',
      'digest',
    ]);
  });
});
