/** S1 S2: every call of `market` by every kind of caller. */
import { describe, expect, it } from 'vitest';
import { insertOrder } from '../../../test/support/world.js';
import { FOR_ALICE, type MatrixRow, NOBODY, testMatrix } from '../test-matrix.js';
import { marketEndpoints } from './routes.js';

// 6: the order does not exist for this caller.
const BUYER = '  401 + 403 6   403 403 + +';
const PARTIES = '401 + +   6   +   403 + +';
const OPERATORS = '401 403 403 403 + 403 + +';

let oid: string;
const about = () => ({ oid });

const MATRIX: Record<string, MatrixRow> = {
  initOrder: {
    scope: 'orders',
    nobody: NOBODY.documented,
    cells: FOR_ALICE,
    body: () => ({ subject: 'x', amount: 1, userId: 'alice', receiverId: 'sally' }),
  },
  payByPing: {
    scope: 'orders',
    nobody: NOBODY.documented,
    cells: BUYER,
    body: () => ({ oid, channel: 'alipay' }),
  },
  payByWallet: {
    scope: 'orders',
    nobody: NOBODY.password,
    cells: FOR_ALICE,
    body: () => ({ oid, userId: 'alice', payPass: 'wrong!' }),
  },
  withdrawCash: {
    scope: 'orders',
    nobody: NOBODY.password,
    cells: FOR_ALICE,
    body: () => ({ userId: 'alice', payPass: 'wrong!' }),
  },
  confirmOrder: { scope: 'orders', nobody: NOBODY.documented, cells: BUYER, body: () => ({ id: oid }) },
  setPayPass: {
    scope: 'users',
    nobody: NOBODY.never,
    cells: FOR_ALICE,
    body: () => ({ uid: 'alice', newPass: '654321', oldPass: 'wrong!' }),
  },
  getOrderDetail: { scope: 'orders', nobody: NOBODY.never, cells: PARTIES, body: about },
  getOrder: {
    scope: 'orders',
    nobody: NOBODY.documented,
    cells: '401 + + + + 403 + +',
    body: () => ({ uid: 'alice' }),
  },
  applyRefund: { scope: 'orders', nobody: NOBODY.never, cells: BUYER, body: () => ({ oid, reason: 'x' }) },
  getCash: { scope: 'orders', nobody: NOBODY.never, cells: FOR_ALICE, body: () => ({ uid: 'alice' }) },
  confirmPass: {
    scope: 'users',
    nobody: NOBODY.documented,
    cells: FOR_ALICE,
    body: () => ({ uid: 'alice', pass: 'wrong' }),
  },
  shouldCreateNewTalk: {
    scope: 'orders',
    nobody: NOBODY.documented,
    cells: FOR_ALICE,
    body: () => ({ userId: 'alice', receiverId: 'sally', skillId: 'skill' }),
  },
  shouldContinueTalk: {
    scope: 'orders',
    nobody: NOBODY.documented,
    cells: PARTIES,
    body: () => ({ chatId: 'room' }),
  },
  comment: { scope: 'orders', nobody: NOBODY.never, cells: BUYER, body: () => ({ oid, score: 5 }) },
  closeTalk: {
    scope: 'orders',
    nobody: NOBODY.never,
    cells: '401 + + 6 403 403 + +',
    body: () => ({ chatId: 'room' }),
  },
  handleRefund: {
    scope: 'refunds:decide',
    nobody: NOBODY.never,
    cells: OPERATORS,
    body: () => ({ oid, agree: false }),
  },
  handleWithdraw: {
    scope: 'withdrawals:decide',
    nobody: NOBODY.never,
    cells: OPERATORS,
    body: () => ({ oid: 'f'.repeat(24), agree: false }),
  },
};

describe('S2 the calls of market', () => {
  const { opened } = testMatrix({
    endpoints: marketEndpoints,
    prefix: '/api/v1/',
    rows: MATRIX,
    arrange: async (db) => {
      const order = { buyerId: 'alice', sellerId: 'sally', chatId: 'room', skillId: 'skill' };
      oid = (await insertOrder(db, order)).id;
    },
    // Nobody has that withdrawal.
    cellOf: (name, { code }) => (name !== 'handleWithdraw' && code === 6 ? '6' : '+'),
    takesTokens: ({ cells }) => cells !== OPERATORS,
  });

  it('S1 a list shows a stranger nothing of others, whatever is asked for', async () => {
    const { apps, credentials } = opened();
    for (const body of [{}, { uid: 'alice' }, { receiverId: 'sally' }]) {
      const { json } = await apps.documented.send('POST', '/api/v1/getOrder', {
        as: credentials.get('stranger'),
        body,
      });
      expect(json).toEqual({ success: true, orders: [], total: 0 });
    }
  });
});
