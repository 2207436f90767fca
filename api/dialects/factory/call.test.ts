import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESERVED_WORDS, TENANT_WORD } from '../../../domain/tenant.js';
import { type TestDatabase, freshDatabase } from '../../../test/support/database.js';
import { ADMIN_KEY, type TestApp, startTestApp, testServices } from '../../test-support.js';
import { isFactoryPath } from './call.js';

let database: TestDatabase;
let app: TestApp;
beforeAll(async () => {
  database = await freshDatabase();
  const { config } = testServices(database.db).services;
  app = await startTestApp(database.db, { config: { ...config, factorySubDomain: 'shop' } });
});
afterAll(async () => {
  await app.close();
  await database.close();
});

describe('the tenant’s word', () => {
  it('is none that another path begins with', () => {
    const paths = app.app.router.stack.flatMap(({ route }) => (route === undefined ? [] : [route.path]));
    const words = new Set(paths.map((path) => path.split('/')[1] ?? ''));
    expect(words.delete(':subDomain')).toBe(true);
    expect(words.size).toBeGreaterThan(5);
    expect([...words].filter((word) => TENANT_WORD.test(word))).toEqual([]);
  });

  it.each(RESERVED_WORDS)('is not %s', (word) => {
    expect(isFactoryPath(`/${word}/pay/query`)).toBe(false);
  });

  it.each([
    ['shop', 200, 700],
    ['other', 404, 700],
  ])('is the one of FACTORY_SUBDOMAIN: %s answers %i', async (word, status, code) => {
    const answer = await app.send('GET', `/${word}/pay/query?outTradeId=1&uid=alice`, { as: ADMIN_KEY });
    expect([answer.status, answer.json['code']]).toEqual([status, code]);
  });
});
