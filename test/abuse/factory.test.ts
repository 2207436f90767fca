import { afterAll, beforeAll, describe } from 'vitest';
import { type Factory, TENANT, openFactory } from '../support/factory.js';
import { readGolden } from '../support/golden.js';
import { testNastyBodies } from './nasty.js';

let factory: Factory;
beforeAll(async () => {
  factory = await openFactory({ takesDocumentedCalls: true });
});
afterAll(() => factory.close());

describe('factory', () => {
  // The member has nothing, so nothing can be paid for.
  testNastyBodies(async () => {
    const golden = await readGolden('factory');
    return {
      api: factory.api,
      db: factory.stage.db,
      samples: Object.fromEntries(
        Object.entries(golden)
          .filter(([name]) => name.startsWith('POST '))
          .map(([name, { request }]) => [`/${TENANT}/${name.slice('POST '.length)}`, request]),
      ),
      token: (await factory.newMember()).token,
      isOurs: ({ code }) => typeof code === 'number',
    };
  });
});
