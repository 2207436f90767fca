/** The verdict on what the provider knows sees the faults that are planted there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase, sqlAs } from './database.js';
import type { Http } from '../e2e/http.js';
import type { ProviderPayout } from './verdict-payouts.js';
import { type ProviderDelivery, type ProviderTrade, providerViolations } from './verdict-provider.js';
import { type World, saneWorld } from './verdict-world.js';

interface Facts {
  trades: ProviderTrade[];
  deliveries: ProviderDelivery[];
  payouts: ProviderPayout[];
}

let database: TestDatabase;
let world: World;
let sane: Facts;

/** As the provider would know the sane world: each trade paid, and back what our refunds say. */
async function factsOf(): Promise<Facts> {
  return sqlAs(database.appUrl, async (sql) => {
    const trades = await sql<(ProviderTrade & { paid: string; back: string })[]>`
      SELECT DISTINCT ON (i.provider_trade_no) i.channel, i.provider_trade_no AS "tradeNo",
             i.out_trade_no AS "outTradeNo", 'paid' AS status, i.amount AS paid,
             CASE WHEN i.provider_trade_no LIKE 'trade-%' THEN (
               SELECT COALESCE(sum(r.amount), 0) FROM refunds r
                WHERE r.out_trade_no = i.out_trade_no AND r.status = 'succeeded') ELSE 0 END AS back
        FROM inbox i WHERE i.channel = 'alipay'`;
    const events = await sql<ProviderDelivery[]>`
      SELECT channel, out_trade_no AS "outTradeNo", event_key AS "eventId", true AS acknowledged
        FROM inbox WHERE channel = 'alipay'`;
    return {
      trades: trades.map(({ paid, back, ...trade }) => ({
        ...trade,
        paidAmount: Number(paid),
        refundedAmount: Number(back),
      })),
      deliveries: [...events],
      payouts: [
        ...(await sql<ProviderPayout[]>`
        SELECT channel, id AS "outPayoutNo", amount::int,
               CASE status WHEN 'submitted' THEN 'processing' ELSE status END AS status
          FROM withdrawals WHERE submitted_at IS NOT NULL`),
      ],
    };
  });
}

beforeAll(async () => {
  database = await freshDatabase();
  world = await saneWorld(database.db);
  // Three payments of one attempt, which no provider takes: each as a number of its own, as it is at the sandbox.
  await sqlAs(database.superuserUrl, async (sql) => {
    await sql`UPDATE inbox SET out_trade_no = provider_trade_no WHERE provider_trade_no LIKE 'late%'`;
    await sql`
      UPDATE refunds r SET out_trade_no = substr(p.key, length('suspense/alipay/') + 1, 5)
        FROM postings p JOIN entries e ON e.posting_id = p.id
       WHERE e.account = 'refunding:' || r.id AND p.key LIKE 'suspense/alipay/late%'`;
  });
  sane = await factsOf();
  const back = await sqlAs(
    database.appUrl,
    (sql) => sql<{ no: string; amount: string }[]>`
    SELECT out_trade_no AS no, amount FROM refunds WHERE source = 'suspense' AND status = 'succeeded'`,
  );
  for (const { no, amount } of back) {
    sane.trades = sane.trades.map((t) =>
      t.outTradeNo === no ? { ...t, refundedAmount: Number(amount) } : t,
    );
  }
});
afterAll(() => database?.close());

const found = (facts: Facts) => sqlAs(database.appUrl, (sql) => providerViolations(sql, facts));

/** The sane facts with one trade changed. */
const changed = (outTradeNo: string, change: Partial<ProviderTrade>): Facts => ({
  ...sane,
  trades: sane.trades.map((trade) => (trade.outTradeNo === outTradeNo ? { ...trade, ...change } : trade)),
});

const paidOut = (outPayoutNo: string, change: Partial<ProviderPayout>): Facts => ({
  ...sane,
  payouts: sane.payouts.map((payout) =>
    payout.outPayoutNo === outPayoutNo ? { ...payout, ...change } : payout,
  ),
});

const stranger: ProviderTrade = {
  channel: 'wechat',
  tradeNo: 'unheard-of',
  outTradeNo: 'somebody',
  status: 'paid',
  paidAmount: 700,
  refundedAmount: 0,
};

describe('the verdict on what the provider knows', () => {
  it('finds nothing where both say the same', async () => {
    expect(sane.trades.length).toBeGreaterThan(6);
    expect(await found(sane)).toEqual([]);
  });

  it('M4: misses money that was paid there and that nothing here knows of', async () => {
    expect(await found({ ...sane, trades: [...sane.trades, stranger] })).toMatchObject([
      {
        promise: 'M4',
        about: 'wechat/unheard-of',
        what: expect.stringContaining('nothing here knows') as string,
      },
    ]);
  });

  it('M4: does not mind what was never paid, or went back whole', async () => {
    const unpaid = { ...stranger, tradeNo: 'u', status: 'closed', paidAmount: null };
    expect(await found({ ...sane, trades: [...sane.trades, unpaid] })).toEqual([]);
  });

  it('M4: sees another amount there than here', async () => {
    expect(await found(changed(world.held, { paidAmount: 9_999 }))).toMatchObject([
      { promise: 'M4', what: expect.stringContaining('was paid with 9999') as string },
    ]);
  });

  it('M5: sees an order that is paid here and not there', async () => {
    expect(await found(changed(world.held, { paidAmount: null, refundedAmount: 500 }))).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          promise: 'M5',
          what: `pays ${world.held}, and the provider was not paid`,
        }),
      ]),
    );
  });

  it.each([0, 5_000])(
    'M6: sees that %d fen went back there, and another amount here',
    async (refundedAmount) => {
      expect(await found(changed(world.released, { refundedAmount }))).toMatchObject([
        { promise: 'M6', what: `gave back ${refundedAmount} of 10000, and our refunds say 1001` },
      ]);
    },
  );

  it.each<[string, (out: World['out']) => Facts]>([
    ['paid there and back here', ({ failed }) => paidOut(failed, { status: 'paid' })],
    ['under way there and back here', ({ failed }) => paidOut(failed, { status: 'processing' })],
    ['failed there and paid here', ({ paid }) => paidOut(paid, { status: 'failed' })],
    ['bounced there and paid here', ({ paid }) => paidOut(paid, { status: 'bounced' })],
    ['of another amount', ({ paid }) => paidOut(paid, { amount: 501 })],
    ['made twice', ({ paid }) => ({ ...sane, payouts: [...sane.payouts, ...paidOut(paid, {}).payouts] })],
    [
      'paid here alone',
      ({ paid }) => ({ ...sane, payouts: sane.payouts.filter(({ outPayoutNo }) => outPayoutNo !== paid) }),
    ],
  ])('M9: sees a payout that is %s', async (_what, factsWith) => {
    const violations = await found(factsWith(world.out));
    expect(violations).not.toEqual([]);
    expect(new Set(violations.map(({ promise }) => promise))).toEqual(new Set(['M9']));
  });

  it('M4: misses a payout that nothing here knows of', async () => {
    const one = { channel: 'wechat', outPayoutNo: 'f'.repeat(24), amount: 5, status: 'paid' };
    expect(await found({ ...sane, payouts: [...sane.payouts, one] })).toMatchObject([
      { promise: 'M4', what: 'paid there, and nothing here knows of it' },
    ]);
  });

  it('W1: misses a notification that was answered with success and is in no inbox', async () => {
    const [one] = sane.deliveries;
    if (one === undefined) throw new Error('the sane world has notifications');
    const lost = { ...one, eventId: 'lost' };
    expect(await found({ ...sane, deliveries: [...sane.deliveries, lost] })).toMatchObject([
      { promise: 'W1', about: 'alipay/lost', what: expect.stringContaining('is in no inbox') as string },
    ]);
    const refused = { ...lost, acknowledged: false };
    expect(await found({ ...sane, deliveries: [...sane.deliveries, refused] })).toEqual([]);
  });

  it('W1: sees one that still waits', async () => {
    await sqlAs(
      database.superuserUrl,
      (sql) => sql`UPDATE inbox SET state = 'pending' WHERE out_trade_no = ${world.held}`,
    );
    expect(await found(sane)).toMatchObject([
      { promise: 'W1', what: expect.stringContaining('still waits in the inbox') as string },
    ]);
  });

  it('reads it from the sandbox as its control API tells it', async () => {
    const [trade] = sane.trades;
    const asked: string[] = [];
    const answers: Http['get'] = (path) => {
      asked.push(path);
      const data =
        path === '/trades' ? [stranger] : path.startsWith('/trades?outTradeNo=somebody') ? [stranger] : [];
      return Promise.resolve({ status: 200, body: { data } as never, headers: new Headers() });
    };
    const violations = await sqlAs(database.appUrl, (sql) => providerViolations(sql, { get: answers }));
    expect(violations).toContainEqual(expect.objectContaining({ about: 'wechat/unheard-of', promise: 'M4' }));
    expect(asked).toContain(`/notifications?outTradeNo=${trade?.outTradeNo ?? ''}`);
  });
});
