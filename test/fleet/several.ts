/** Several APIs and several workers, each with its relay, at the same orders at the same time. */
import { expect } from 'vitest';
import { each } from '../../bench/stats.js';
import { type Crowd, type Notice, type Waiting, ask } from './crowd.js';
import type { Fleet, Proc } from './fleet.js';
import { expectAllPromises, say, secondsSince, within } from './verdict.js';

const ORDERS_AT_ONCE = 8;
const RELEASED_WITHIN_MS = 60_000;

/** Both APIs open an attempt at the same moment: it is the same one. */
async function openTwice(fleet: Fleet, apis: readonly Proc[], { id, channel, outTradeNo }: Waiting) {
  const answers = await Promise.all(
    apis.map(({ url }) =>
      ask(`${url}/v1/orders/${id}/payments`, {
        method: 'POST',
        headers: { authorization: `Bearer ${fleet.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ channel, scene: 'qr' }),
      }),
    ),
  );
  for (const { status, body } of answers) {
    expect({ status, outTradeNo: (JSON.parse(body) as Waiting).outTradeNo }).toEqual({
      status: 201,
      outTradeNo,
    });
  }
}

/** Told by two events, each posted to every API at once. */
async function payEverywhere(crowd: Crowd, apis: readonly Proc[], order: Waiting): Promise<void> {
  const first = crowd.newNotice(order);
  const second: Notice = { ...crowd.newNotice(order), tradeNo: first.tradeNo };
  await Promise.all(
    [first, second].flatMap((notice) =>
      apis.map(async (api) => {
        const answer = await crowd.post(notice, api);
        expect(crowd.isAccepted(notice, answer), answer.body).toBe(true);
      }),
    ),
  );
}

async function postingsOf({ sql }: Fleet, orders: readonly Waiting[]): Promise<Record<string, number>> {
  const numbers = orders.map(({ orderNo }) => orderNo);
  const rows = await sql<{ kind: string; n: number }[]>`
    SELECT kind, count(*)::int AS n FROM postings WHERE order_no = ANY (${numbers}) GROUP BY kind`;
  return Object.fromEntries(rows.map(({ kind, n }) => [kind, n]));
}

/** @param crowd whose orders are released a moment after they were paid */
export async function severalAtOnce(
  fleet: Fleet,
  crowd: Crowd,
  apis: readonly Proc[],
  count: number,
): Promise<void> {
  const begin = performance.now();
  const orders = await crowd.unpaid(count, { autoConfirmAfter: '1s' });
  await each(orders, ORDERS_AT_ONCE, async (order) => {
    await openTwice(fleet, apis, order);
    await payEverywhere(crowd, apis, order);
  });
  const areReleased = async (): Promise<boolean> => (await postingsOf(fleet, orders))['release'] === count;
  await within(RELEASED_WITHIN_MS, 'all are released', areReleased);
  expect(await postingsOf(fleet, orders)).toEqual({ payment: count, release: count });
  say(`${count} orders`, { 'made, paid and released within, s': secondsSince(begin) });
  await expectAllPromises(fleet);
}
