/** S1 S2: every call of `course` by every kind of caller. */
import { describe, expect, it } from 'vitest';
import { insertOrder } from '../../../test/support/world.js';
import { type MatrixRow, NOBODY, testMatrix } from '../test-matrix.js';
import { courseEndpoints } from './routes.js';

let id: string;

const EVERY_USER = '401 + + + + 403 + +';

// none: for this caller there is no such order.
const MATRIX: Record<string, MatrixRow> = {
  create: { scope: 'orders', nobody: NOBODY.never, cells: EVERY_USER, body: () => ({ album_id: '7' }) },
  get: { scope: 'orders', nobody: NOBODY.never, cells: '401 + + none + 403 + +', body: () => ({ id }) },
  list: { scope: 'orders', nobody: NOBODY.never, cells: EVERY_USER, body: () => ({}) },
  sum: {
    scope: 'orders',
    nobody: NOBODY.never,
    cells: '401 403 + 403 403 403 + +',
    body: () => ({ user_id: 'sally' }),
  },
};

const signedIn = courseEndpoints.filter(({ access }) => access.kind !== 'public');

describe('S2 the calls of course', () => {
  testMatrix({
    endpoints: signedIn.filter(({ method, path }) => method === 'post' && path.startsWith('/order/')),
    prefix: '/order/',
    rows: MATRIX,
    arrange: async (db, app) => {
      await app.admin('PUT', '/v1/users/sally', { name: 'sally', role: 'teacher' });
      await app.admin('PUT', '/v1/catalog/courses/7', { title: 'guitar', puberId: 'sally', price: 100 });
      const items = [{ collection: 'courses', id: '7' }];
      const order = await insertOrder(db, { kind: 'course', buyerId: 'alice', sellerId: 'sally', items });
      id = String(order.seq);
    },
    cellOf: (_name, { code }) => (code === 5 ? 'none' : '+'),
    takesTokens: (row) => row !== MATRIX['sum'],
  });

  it('are answered alike by both methods under both prefixes', () => {
    expect(signedIn).toHaveLength(4 * Object.keys(MATRIX).length);
    expect(new Set(signedIn.map(({ access }) => JSON.stringify(access))).size).toBe(1);
  });

  it('are public where a relay calls', () => {
    const relays = courseEndpoints.filter(({ access }) => access.kind === 'public').map(({ path }) => path);
    expect(new Set(relays.map((path) => path.replace('/:secret', '').replace(/^\/orders?\//, '')))).toEqual(
      new Set(['alipay', 'wxpay']),
    );
  });
});
