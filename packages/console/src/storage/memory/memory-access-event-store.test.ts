import { describeAccessEventStore } from '../contract-suites/access-event-store.ts';
import { MemoryAccessEventStore } from './memory-access-event-store.ts';

describeAccessEventStore('memory', async () => new MemoryAccessEventStore(), { propertyRuns: 200 });
