// The long form of the differential test against a real engine.
import { describeCanonicalRequest } from './canonical-request-suite.ts';

describeCanonicalRequest(2_000);
