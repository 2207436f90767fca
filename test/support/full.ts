/** `npm run test:full` also runs what takes minutes: chaos at size, outages of a minute, fuzzing. */
import { describe } from 'vitest';

export const FULL = process.env['HOLDFAST_TEST_FULL'] === '1';

/** A group of tests that only the full run has. */
export const describeFull = describe.runIf(FULL);
