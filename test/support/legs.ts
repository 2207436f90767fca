/**
 * The legs of a deal's money over HTTP: in from its buyer, back to them in parts, and out to its seller. On each of
 * them something goes wrong at the provider, at its call or with what it tells of it.
 */
import type { ProviderChannel } from '../../domain/order.js';
import { hashPassword } from '../../commands/passwords.js';
import { users } from '../../db/schema.js';
import { hintRefund } from '../../relay/refunds.js';
import { hintPayout } from '../../relay/withdrawals.js';
import type { Stage } from '../notifications/stage.js';
import type { HttpShop, Json, Ordered } from './http-shop.js';
import { PAY_PASSWORD } from './journeys.js';
import { newId } from './withdrawals.js';
import { until } from './world.js';

export interface Trouble {
  /** The call that opens the payment, the refund or the payout; or the notification of what became of it. */
  at: 'call' | 'notification';
  /** A fault of the sandbox, which it must have used up by the end of a leg. */
  what: { drop?: true; reorder?: true; wrongAmount?: true } & Json;
}

export interface Seller {
  id: string;
  /** Where their money goes, and nobody else's. */
  account: { channel: ProviderChannel; no: string; name: string };
}

const ACCOUNT_NOS = {
  alipay: (id: string) => `${id}@example.com`,
  // An openid has 28 characters.
  wechat: (id: string) => `oUp-${id}`,
  pingpp: (id: string) => `${id}@example.com`,
  stripe: (id: string) => `acct_${id}`,
} satisfies Record<ProviderChannel, (id: string) => string>;

export async function newSeller({ db }: Stage, channel: ProviderChannel): Promise<Seller> {
  const id = newId();
  await db
    .insert(users)
    .values({ id, name: `user ${id}`, payPasswordHash: await hashPassword(PAY_PASSWORD) });
  return { id, account: { channel, no: ACCOUNT_NOS[channel](id), name: '韩梅梅' } };
}

/**
 * Acts with something wrong at the provider.
 * @param about the number under which it tells of the act; what overtakes that is the payment of another order
 */
async function troubled(
  shop: HttpShop,
  { at, what }: Trouble,
  { operation, about }: { operation: string; about: string },
  act: () => Promise<unknown>,
): Promise<void> {
  const other = what.reorder ? await shop.attempted() : undefined;
  await shop.fault(at === 'call' ? { ...what, operation } : what);
  await act();
  if (other !== undefined) {
    await shop.pay(other.orderNo);
    await shop.becomes(other, 'paid');
    const lastTold = async (no: string) => {
      const last = (await shop.deliveriesOf(no)).at(-1);
      return last === undefined ? '' : String(last['sentAt']);
    };
    await until(async () => {
      const [late, before] = [await lastTold(about), await lastTold(other.orderNo)];
      return before !== '' && late >= before;
    });
  }
  await until(async () => (await shop.faultsLeft()).length === 0);
}

/** Opens the payment, with the same call again until its provider has answered, and pays it. */
export function payInto(shop: HttpShop, trouble: Trouble, order: Ordered): Promise<void> {
  return troubled(shop, trouble, { operation: 'create', about: order.orderNo }, async () => {
    await until(async () => (await shop.attempt(order))['status'] === 'pending');
    await shop.pay(order.orderNo);
  });
}

/** @returns the refund, once it has succeeded and the order is as it was before */
export async function refundPart(
  { flow }: Stage,
  shop: HttpShop,
  trouble: Trouble,
  { order, amount }: { order: Ordered; amount: number },
): Promise<Json> {
  const wish = { amount, reason: 'half a lesson' };
  const id = String((await shop.post(`/v1/orders/${order.id}/refunds`, wish, 201))['id']);
  await troubled(shop, trouble, { operation: 'refund', about: order.orderNo }, async () => {
    await shop.post(`/v1/refunds/${id}/approve`, { reason: 'looked into' }, 200);
    const refunds = `/refunds?channel=${shop.channel}&outTradeNo=${order.orderNo}`;
    await endsThere(shop, refunds, amount, ({ refundNo }) => `/refunds/${String(refundNo)}/settle`);
  });
  if (trouble.what.drop) await hintRefund(flow.environment.client, id);
  const state = () => shop.get(`/v1/refunds/${id}`);
  await until(async () => (await state())['status'] === 'succeeded');
  await shop.becomes(order, 'paid');
  return state();
}

/** @returns the withdrawal, once it is paid */
export async function withdraw(
  { flow }: Stage,
  shop: HttpShop,
  trouble: Trouble,
  { seller, amount }: { seller: Seller; amount: number },
): Promise<Json> {
  const { id: userId, account } = seller;
  const wish = { userId, amount, payPassword: PAY_PASSWORD, account };
  const id = String((await shop.post('/v1/withdrawals', wish, 201))['id']);
  const state = () => shop.get(`/v1/withdrawals/${id}`);
  const is = (status: string) => until(async () => (await state())['status'] === status);
  await troubled(shop, trouble, { operation: 'payout', about: id }, async () => {
    await shop.post(`/v1/withdrawals/${id}/approve`, { reason: 'looked into' }, 200);
    // Its receiver takes it with what we show them.
    if (shop.channel === 'wechat') await is('awaiting_receiver');
    const payouts = `/payouts?channel=${shop.channel}&outPayoutNo=${id}`;
    await endsThere(shop, payouts, amount, ({ payoutNo }) => `/payouts/${String(payoutNo)}/settle`);
  });
  if (trouble.what.drop) await hintPayout(flow.environment.client, id);
  await is('paid');
  return state();
}

const OPEN = ['processing', 'awaiting_receiver'];

/** Waits until the provider has one of this amount, and lets it succeed there. */
async function endsThere(
  shop: HttpShop,
  route: string,
  amount: number,
  settleRoute: (one: Json) => string,
): Promise<void> {
  const found = async (): Promise<Json | undefined> =>
    ((await shop.control('GET', route))['data'] as Json[]).find((one) => one['amount'] === amount);
  const isOpen = async () => OPEN.includes(String((await found())?.['status']));
  await until(async () => (await found()) !== undefined);
  const one = await found();
  if (one === undefined || !(await isOpen())) return;
  await shop.control('POST', settleRoute(one), { result: 'success' }).catch(async (error: unknown) => {
    // It may have succeeded by itself in this very moment.
    if (await isOpen()) throw error;
  });
}
