/** S1 S2: every call of `market` by every kind of caller, in both settings of LEGACY_AUTH. A call without a row fails. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES, type Scope } from '../../../commands/credentials.js';
import { type TestDatabase, freshDatabase } from '../../../test/support/database.js';
import { insertOrder } from '../../../test/support/world.js';
import { ADMIN_KEY, type TestApp, addPeople, startTestApp, testServices } from '../../test-support.js';
import { marketEndpoints } from './routes.js';

/** Strict and documented differ in who calls without a credential: of its two cells the first is strict's. */
const CALLERS = ['wrong', 'buyer', 'seller', 'stranger', 'operator', 'without', 'with', 'admin'] as const;

interface Row {
  /** Whose key is "with", and missing in "without". */
  scope: Scope;
  /** Without a credential: strict, documented. */
  nobody: [string, string];
  /** `+`: the call was looked at, whatever came of it. 6: the order does not exist for this caller. */
  cells: string;
  body: () => object;
}

const SELF = '401 + 403 403 403 403 + +';
const BUYER = '  401 + 403 6   403 403 + +';
const PARTIES = '401 + +   6   +   403 + +';
const OPERATORS = '401 403 403 403 + 403 + +';
const DOCUMENTED: [string, string] = ['401', '+'];
const NEVER: [string, string] = ['401', '401'];
const PASSWORD: [string, string] = ['+', '+'];

let database: TestDatabase;
let apps: Record<'strict' | 'documented', TestApp>;
let oid: string;
const credentials = new Map<string, string>();

beforeAll(async () => {
  database = await freshDatabase();
  const { config } = testServices(database.db).services;
  const [strict, documented] = await Promise.all(
    [false, true].map((takesDocumentedCalls) =>
      startTestApp(database.db, { config: { ...config, takesDocumentedCalls } }),
    ),
  );
  if (strict === undefined || documented === undefined) throw new Error('two apps were started');
  apps = { strict, documented };
  await addPeople(strict);
  const order = { buyerId: 'alice', sellerId: 'sally', chatId: 'room', skillId: 'skill' };
  oid = (await insertOrder(database.db, order)).id;
  const people = { buyer: 'alice', seller: 'sally', stranger: 'bob', operator: 'oscar' };
  for (const [caller, id] of Object.entries(people)) {
    const minted = await strict.admin('POST', `/v1/users/${id}/tokens`);
    credentials.set(caller, String(minted.json['accessToken']));
  }
  credentials.set('wrong', `hf_tok_${'x'.repeat(43)}`);
  credentials.set('admin', ADMIN_KEY);
});
afterAll(async () => {
  await apps.strict.close();
  await apps.documented.close();
  await database.close();
});

const about = () => ({ oid });
const MATRIX: Record<string, Row> = {
  initOrder: {
    scope: 'orders',
    nobody: DOCUMENTED,
    cells: SELF,
    body: () => ({ subject: 'x', amount: 1, userId: 'alice', receiverId: 'sally' }),
  },
  payByPing: {
    scope: 'orders',
    nobody: DOCUMENTED,
    cells: BUYER,
    body: () => ({ oid, channel: 'alipay' }),
  },
  payByWallet: {
    scope: 'orders',
    nobody: PASSWORD,
    cells: SELF,
    body: () => ({ oid, userId: 'alice', payPass: 'wrong!' }),
  },
  withdrawCash: {
    scope: 'orders',
    nobody: PASSWORD,
    cells: SELF,
    body: () => ({ userId: 'alice', payPass: 'wrong!' }),
  },
  confirmOrder: { scope: 'orders', nobody: DOCUMENTED, cells: BUYER, body: () => ({ id: oid }) },
  setPayPass: {
    scope: 'users',
    nobody: NEVER,
    cells: SELF,
    body: () => ({ uid: 'alice', newPass: '654321', oldPass: 'wrong!' }),
  },
  getOrderDetail: { scope: 'orders', nobody: NEVER, cells: PARTIES, body: about },
  getOrder: {
    scope: 'orders',
    nobody: DOCUMENTED,
    cells: '401 + + + + 403 + +',
    body: () => ({ uid: 'alice' }),
  },
  applyRefund: { scope: 'orders', nobody: NEVER, cells: BUYER, body: () => ({ oid, reason: 'x' }) },
  getCash: { scope: 'orders', nobody: NEVER, cells: SELF, body: () => ({ uid: 'alice' }) },
  confirmPass: {
    scope: 'users',
    nobody: DOCUMENTED,
    cells: SELF,
    body: () => ({ uid: 'alice', pass: 'wrong' }),
  },
  shouldCreateNewTalk: {
    scope: 'orders',
    nobody: DOCUMENTED,
    cells: SELF,
    body: () => ({ userId: 'alice', receiverId: 'sally', skillId: 'skill' }),
  },
  shouldContinueTalk: {
    scope: 'orders',
    nobody: DOCUMENTED,
    cells: PARTIES,
    body: () => ({ chatId: 'room' }),
  },
  comment: { scope: 'orders', nobody: NEVER, cells: BUYER, body: () => ({ oid, score: 5 }) },
  closeTalk: {
    scope: 'orders',
    nobody: NEVER,
    cells: '401 + + 6 403 403 + +',
    body: () => ({ chatId: 'room' }),
  },
  handleRefund: {
    scope: 'refunds:decide',
    nobody: NEVER,
    cells: OPERATORS,
    body: () => ({ oid, agree: false }),
  },
  handleWithdraw: {
    scope: 'withdrawals:decide',
    nobody: NEVER,
    cells: OPERATORS,
    body: () => ({ oid: 'f'.repeat(24), agree: false }),
  },
};

async function keyWith(scopes: readonly Scope[]): Promise<string> {
  const name = scopes.join(' ');
  const known = credentials.get(name);
  if (known !== undefined) return known;
  const made = await apps.strict.admin('POST', '/v1/api-keys', { name: 'matrix', scopes });
  credentials.set(name, String(made.json['key']));
  return String(made.json['key']);
}

function credentialOf(caller: (typeof CALLERS)[number], scope: Scope): Promise<string> | string | undefined {
  if (caller === 'with') return keyWith([scope]);
  if (caller === 'without')
    return keyWith(SCOPES.filter((one) => one !== scope && one !== 'admin' && one !== 'operate'));
  return credentials.get(caller);
}

/** @param where the header, or the field that the document names */
async function cell(
  app: TestApp,
  name: string,
  body: object,
  credential: string | undefined,
  where: 'header' | 'accesstoken' | 'accessToken' | 'token' = 'header',
): Promise<string> {
  const isInHeader = where === 'header' || credential === undefined;
  const answer = await app.send('POST', `/api/v1/${name}`, {
    ...(isInHeader && { as: credential }),
    body: isInHeader ? body : { ...body, [where]: credential },
  });
  if (answer.status === 401 || answer.status === 403) return String(answer.status);
  const isNobodys = name !== 'handleWithdraw' && answer.json['code'] === 6;
  return isNobodys ? '6' : '+';
}

describe('S2 the calls of market', () => {
  it('have a row each', () => {
    const names = marketEndpoints.map(({ path }) => path.replace('/api/v1/', ''));
    expect(Object.keys(MATRIX).sort()).toEqual(names.sort());
  });

  describe.each(['strict', 'documented'] as const)('with LEGACY_AUTH=%s', (setting) => {
    it.each(Object.entries(MATRIX))('%s answers each caller as written down', async (name, row) => {
      const app = apps[setting];
      const found: Record<string, string> = {
        nobody: await cell(app, name, row.body(), undefined),
      };
      for (const caller of CALLERS)
        found[caller] = await cell(app, name, row.body(), await credentialOf(caller, row.scope));
      const written = row.cells.split(/\s+/).filter((one) => one !== '');
      const expected = Object.fromEntries(CALLERS.map((caller, at) => [caller, written[at]]));
      expect(found).toEqual({ nobody: row.nobody[setting === 'strict' ? 0 : 1], ...expected });
    });

    it.each(['accesstoken', 'accessToken', 'token'] as const)(
      'S1 take a token in %s too, and never another party’s',
      async (where) => {
        const app = apps[setting];
        for (const [name, row] of Object.entries(MATRIX)) {
          if (row.cells === OPERATORS) continue;
          expect([name, await cell(app, name, row.body(), credentials.get('buyer'), where)]).toEqual([
            name,
            '+',
          ]);
          expect([name, await cell(app, name, row.body(), credentials.get('wrong'), where)]).toEqual([
            name,
            '401',
          ]);
        }
      },
    );
  });

  it('S1 a list shows a stranger nothing of others, whatever is asked for', async () => {
    for (const body of [{}, { uid: 'alice' }, { receiverId: 'sally' }]) {
      const { json } = await apps.documented.send('POST', '/api/v1/getOrder', {
        as: credentials.get('stranger'),
        body,
      });
      expect(json).toEqual({ success: true, orders: [], total: 0 });
    }
  });
});
