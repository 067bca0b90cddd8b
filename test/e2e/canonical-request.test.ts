// The short form of the differential test against a real engine; `npm run torture` runs 2,000 bodies.
import { describeCanonicalRequest } from './canonical-request-suite.ts';

describeCanonicalRequest(200);
