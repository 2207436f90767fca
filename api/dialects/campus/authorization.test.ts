/** S1 S2: every call of `campus` by every kind of caller. */
import { describe } from 'vitest';
import { packageRecords } from '../../../db/schema.js';
import { insertOrder } from '../../../test/support/world.js';
import { FOR_ALICE, type MatrixRow, NOBODY, testMatrix } from '../test-matrix.js';
import { CAMPUS_PREFIX } from './call.js';
import { campusEndpoints } from './routes.js';

let ids: string;

// "none": for this caller there is no such record.
const MATRIX: Record<string, MatrixRow> = {
  SearchPayPackages: {
    scope: 'orders',
    nobody: NOBODY.documented,
    cells: FOR_ALICE,
    body: () => ({ userID: 'alice', type: 0, payType: 0 }),
  },
  PayMoney: {
    scope: 'orders',
    nobody: NOBODY.documented,
    cells: FOR_ALICE,
    body: () => ({
      channel: 'alipay',
      subject: 'x',
      body: 'x',
      amount: 1,
      userID: 'alice',
      empName: 'alice',
      itemIDs: '7',
      type: 0,
    }),
  },
  SearchSuccessData: {
    scope: 'orders',
    nobody: NOBODY.documented,
    cells: '401 + none none + 403 + +',
    body: () => ({ ids }),
  },
};

describe('S2 the calls of campus', () => {
  testMatrix({
    endpoints: campusEndpoints,
    prefix: CAMPUS_PREFIX,
    rows: MATRIX,
    arrange: async (db) => {
      const { orderNo } = await insertOrder(db, { kind: 'package', buyerId: 'alice', sellerId: null });
      const [record] = await db
        .insert(packageRecords)
        .values({ orderNo, userId: 'alice', packageId: '7', type: 0, turn: 'buy', name: 'a year', days: 365 })
        .returning();
      ids = String(record?.id);
    },
    cellOf: (_name, { message }) => (String(message).startsWith('找不到') ? 'none' : '+'),
  });
});
