// The public surface of the journal: an append-only log on disk, and named positions for its readers.
export { type Journal, type JournalOptions, openJournal } from './journal.ts';
export { openPositionStore, type PositionStore, type PositionStoreOptions } from './position-store.ts';
export { readJournalFiles } from './read-journal-files.ts';
export { diskIo, type SegmentIo } from './segment-io.ts';
export type { JournalEntry, ReadLimits } from './segment-reader.ts';
