/** Providers without bills: their official clients' lists of what moved money, with the differences that were asked for. */
import { describe, expect, it } from 'vitest';
import { called, testMerchant as pingppMerchant } from '../gateways/pingpp/test-support.js';
import { orderOf, testMerchant as stripeMerchant } from '../gateways/stripe/test-support.js';
import { orderNo, type TestSandbox } from '../test-support.js';

const DAY = '2026-11-23';
const NOON = `${DAY}T12:00:00+08:00`;

async function paid(sandbox: TestSandbox, no: string): Promise<void> {
  const { status } = await sandbox.control('POST', `/trades/${no}/pay`, { notify: false, paidAt: NOON });
  expect(status).toBe(200);
}

/** Three payments are told otherwise, and one that never was. @returns the number of that */
async function twisted(sandbox: TestSandbox, channel: string, nos: readonly string[]): Promise<string> {
  const types = ['amount', 'duplicate', 'missing'];
  const differences = [...types.map((type, nth) => ({ type, no: nos[nth] })), { type: 'extra' }];
  const { data } = await sandbox.control('POST', '/bills/faults', { channel, date: DAY, differences });
  expect(data).toHaveLength(differences.length);
  return String(data.at(-1)?.['no']);
}

describe('a list in the place of a bill', () => {
  it('is Ping++’s of what was paid, and no other of its lists', async () => {
    const merchant = await pingppMerchant();
    const { sandbox, sdk, appId } = merchant;
    const nos = [orderNo(), orderNo(), orderNo(), orderNo()];
    for (const no of nos) {
      await merchant.create(no);
      await paid(sandbox, no);
    }
    const extra = await twisted(sandbox, 'pingpp', nos);
    const listed = async (query: object) => {
      const list = await called((done) =>
        sdk.charges.list({ app: { id: appId }, created: { gte: 1 }, limit: 100, ...query }, done),
      );
      const charges = list['data'] as { order_no: string; amount: number }[];
      return charges.map(({ order_no, amount }) => `${order_no} ${amount}`).sort();
    };
    const plain = nos.map((no) => `${no} 1234`);
    const [first, second, , fourth] = nos;
    const told = [`${first} 1235`, `${second} 1234`, `${second} 1234`, `${fourth} 1234`, `${extra} 100`];
    expect(await listed({ paid: true })).toEqual(told.sort());
    expect(await listed({})).toEqual(plain);
    await sandbox.control('DELETE', '/bills/faults');
    expect(await listed({ paid: true })).toEqual(plain);
  });

  it('is Stripe’s of what moved the balance', async () => {
    const { sandbox, stripe } = await stripeMerchant();
    const nos = [orderNo(), orderNo(), orderNo(), orderNo()];
    for (const no of nos) {
      await stripe.paymentIntents.create(orderOf(no));
      await paid(sandbox, no);
    }
    const extra = await twisted(sandbox, 'stripe', nos);
    const dearer = { type: 'fee', no: nos[3] };
    await sandbox.control('POST', '/bills/faults', { channel: 'stripe', date: DAY, differences: [dearer] });
    const listed = async () => {
      const { data } = await stripe.balanceTransactions.list({ expand: ['data.source'], limit: 100 });
      return data
        .map(({ source, fee }) => {
          const { metadata, amount } = source as unknown as {
            metadata: Record<string, string>;
            amount: number;
          };
          return `${metadata['out_trade_no']} ${amount} ${fee}`;
        })
        .sort();
    };
    // 2.2 % of each.
    const plain = nos.map((no) => `${no} 1234 27`);
    const [first, second, , fourth] = nos;
    const told = [
      `${first} 1235 27`,
      `${second} 1234 27`,
      `${second} 1234 27`,
      `${fourth} 1234 28`,
      `${extra} 100 2`,
    ];
    expect(await listed()).toEqual(told.sort());
    await sandbox.control('DELETE', '/bills/faults');
    expect(await listed()).toEqual(plain);
  });
});
