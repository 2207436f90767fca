import { afterAll, beforeAll, describe } from 'vitest';
import { type Campus, PAYER, openCampus } from '../support/campus.js';
import { readGolden } from '../support/golden.js';
import { testNastyBodies } from './nasty.js';

let campus: Campus;
beforeAll(async () => {
  campus = await openCampus();
});
afterAll(() => campus.close());

describe('campus', () => {
  testNastyBodies(async () => {
    const golden = await readGolden('campus');
    return {
      api: campus.api,
      db: campus.stage.db,
      samples: Object.fromEntries(
        Object.entries(golden).map(([name, { request }]) => [`/api/Pay/${name}`, request]),
      ),
      token: await campus.tokenOf(PAYER),
      isOurs: ({ error }) => error === 0 || error === 1,
    };
  });
});
