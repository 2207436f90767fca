/** S1 S2: every call of `factory` by every kind of caller. */
import { describe } from 'vitest';
import { FOR_ALICE, type MatrixRow, NOBODY, testMatrix } from '../test-matrix.js';
import { factoryEndpoints } from './routes.js';

const forAlice = (fields: object = {}): MatrixRow => ({
  scope: 'orders',
  nobody: NOBODY.never,
  cells: FOR_ALICE,
  body: () => ({ uid: 'alice', ...fields }),
});

const payment = forAlice({ money: '0.01' });
const page = forAlice({ page: 1, pageSize: 10 });
const one = forAlice({ id: '000000000000000000000001' });

const MATRIX: Record<string, MatrixRow> = {
  'pay/wx/wxapp': payment,
  'pay/wx/jsapi': payment,
  'pay/wx/h5': payment,
  'pay/wx/qrcode': payment,
  'pay/wx/app': payment,
  'pay/alipay/gate/mp': payment,
  'pay/alipay/gate/app': payment,
  'pay/alipay/gate/qrcode': payment,
  'pay/alipay/gate/h5': payment,
  'pay/alipay/gate/pc': payment,
  'pay/query': forAlice({ outTradeId: '83aac82bbbfc084a' }),
  'user/payLogs': page,
  'user/amount': forAlice(),
  'user/withDraw/apply': payment,
  'user/withdrawal/apply': payment,
  'user/withDraw/detail': one,
  'user/withdrawal/detail': one,
  'user/withDraw/list': page,
  'user/withdrawal/list': page,
  'order/pay': forAlice({ orderId: 77 }),
  'deposit/pay': forAlice({ amount: 1 }),
  'deposit/list': page,
  'deposit/info': one,
  'deposit/back/apply': one,
  'payBill/pay': forAlice({ money: '1.00' }),
  // The same for everybody.
  'payBill/discounts': {
    scope: 'orders',
    nobody: NOBODY.documented,
    cells: '401 + + + + 403 + +',
    body: () => ({}),
  },
};

describe('S2 the calls of factory', () => {
  testMatrix({ endpoints: factoryEndpoints, prefix: '/:subDomain/', sentPrefix: '/shop/', rows: MATRIX });
});
