import { randomBytes } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Channel } from '../channels/channel.js';
import { channelNamed } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { type OrderRow, type PaymentRow, addEvent } from '../db/orders.js';
import { payments, users } from '../db/schema.js';
import { gapBeforeQuestion } from '../domain/deadlines.js';
import { HoldfastError } from '../domain/errors.js';
import { type ByScene, type ProviderChannel, type Scene, attemptNo } from '../domain/order.js';
import { postAttempt, settleAttempt } from '../relay/attempts.js';
import type { CommandContext } from './context.js';

export interface ProviderPaymentWish {
  channel: ProviderChannel;
  scene: Scene | null;
  openid: string | null;
  clientIp: string | null;
  returnUrl: string | null;
  /** Who asks, for the audit trail. */
  by: string;
}

/** @throws HoldfastError `order_not_payable` */
export function assertPayable(order: Pick<OrderRow, 'money' | 'status' | 'expiresAt'>, nowMs: number): void {
  if (order.money !== 'unpaid') {
    throw new HoldfastError('order_not_payable', {
      message: `the order is ${order.status}`,
      details: { status: order.status },
    });
  }
  if (order.expiresAt.getTime() <= nowMs) {
    throw new HoldfastError('order_not_payable', {
      message: 'the order has expired',
      details: { status: 'unpaid' },
    });
  }
}

/**
 * Opens a payment attempt, or answers the open one of the same channel and scene with its credential. An open
 * attempt elsewhere is closed first, where its provider can close it; otherwise a second payment goes back.
 * @returns status `creating` when the provider has not answered: it goes on with the same number
 * @throws HoldfastError `order_not_payable`, `scene_not_supported`, `invalid_request`, `channel_refused`
 */
export async function payByProvider(
  context: CommandContext,
  order: OrderRow,
  wish: ProviderPaymentWish,
): Promise<PaymentRow> {
  assertPayable(order, context.now());
  const channel = channelNamed(context.channels, wish.channel);
  const scene = wish.scene ?? channel.defaultScene;
  const request = await requestOf(context.db, channel, scene, order.buyerId, wish);
  const { payment, others } = await openAttempt(context, { channel, scene, order, request, by: wish.by });
  crashPoint('attempt: committed');
  await settleOthers(context, others);
  if (payment.credential !== null && !isStale(channel, payment)) return payment;
  try {
    return await postAttempt(context.db, channel, context.publicUrl, payment);
  } catch (error) {
    // Its time ran out on the way there: that is what the caller is told, and not what the provider calls it.
    if (error instanceof HoldfastError && error.code === 'channel_refused') {
      assertPayable({ ...order, expiresAt: wholeSecond(order.expiresAt) }, context.now());
    }
    throw error;
  }
}

/**
 * Says what is wrong with a wish before there is an order for it.
 * @throws HoldfastError `channel_not_configured`, `scene_not_supported`, `invalid_request`
 */
export async function assertWish(
  { db, channels }: CommandContext,
  buyerId: string,
  wish: ProviderPaymentWish,
): Promise<void> {
  const channel = channelNamed(channels, wish.channel);
  await requestOf(db, channel, wish.scene ?? channel.defaultScene, buyerId, wish);
}

/** Providers count in whole seconds, and are told the one that comes first. */
function wholeSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1_000) * 1_000);
}

async function requestOf(
  db: Db,
  channel: Channel,
  scene: Scene,
  buyerId: string,
  wish: ProviderPaymentWish,
): Promise<PaymentRow['request']> {
  if (!channel.scenes.includes(scene)) {
    throw new HoldfastError('scene_not_supported', {
      message: `${channel.name} has the scenes ${channel.scenes.join(', ')}`,
      details: { scene },
    });
  }
  const needed = <T>(field: string, value: T | null): T => {
    if (value !== null) return value;
    throw new HoldfastError('invalid_request', {
      message: `${field} is needed for scene ${scene}`,
      details: { field },
    });
  };
  const need = NEEDS[scene];
  if (need === 'openid')
    return { openid: needed('openid', wish.openid ?? (await storedOpenid(db, buyerId))) };
  if (need === 'clientIp')
    return {
      clientIp: needed('clientIp', wish.clientIp),
      ...(wish.returnUrl !== null && { returnUrl: wish.returnUrl }),
    };
  if (need === 'returnUrl') return { returnUrl: needed('returnUrl', wish.returnUrl) };
  return {};
}

/** What a way to pay cannot do without, of the payer or of their browser. */
const NEEDS: ByScene<'openid' | 'clientIp' | 'returnUrl'> = {
  jsapi: 'openid',
  wx_lite: 'openid',
  h5: 'clientIp',
  wx_wap: 'clientIp',
  page: 'returnUrl',
  upacp_wap: 'returnUrl',
};

async function storedOpenid(db: Db, userId: string): Promise<string | null> {
  const [user] = await db.select({ openid: users.openid }).from(users).where(eq(users.id, userId));
  return user?.openid ?? null;
}

/** The attempt's row comes before the call to its provider. The order's row is locked, so two calls make one attempt. */
async function openAttempt(
  { db, now }: CommandContext,
  {
    channel,
    scene,
    order: { orderNo },
    request,
    by,
  }: { channel: Channel; scene: Scene; order: OrderRow; request: PaymentRow['request']; by: string },
): Promise<{ payment: PaymentRow; others: PaymentRow[] }> {
  return db.transaction(async (tx) => {
    const order = await lockOrder(tx, orderNo, now());
    const attempts = await tx.select().from(payments).where(eq(payments.orderNo, orderNo));
    const open = attempts.filter(({ status }) => status === 'creating' || status === 'pending');
    const same = open.find((attempt) => attempt.channel === channel.name && attempt.scene === scene);
    const others = open.filter((attempt) => attempt !== same);
    if (same !== undefined) return { payment: same, others };
    const [payment] = await tx
      .insert(payments)
      .values({
        id: randomBytes(12).toString('hex'),
        orderNo,
        channel: channel.name,
        scene,
        outTradeNo: attemptNo(orderNo, attempts.length),
        amount: order.amount,
        currency: order.currency,
        merchant: channel.merchant,
        expiresAt: order.expiresAt,
        status: 'creating',
        request,
        askAt: new Date(Date.now() + gapBeforeQuestion(0)),
      })
      .returning();
    if (payment === undefined) throw new Error('an insert answered no row');
    await addEvent(tx, {
      orderNo,
      type: 'payment.opened',
      actor: by,
      data: { channel: channel.name, scene, outTradeNo: payment.outTradeNo },
    });
    return { payment, others };
  });
}

/** The order, locked until the transaction ends. @throws HoldfastError `order_not_payable` */
export async function lockOrder(
  tx: Db,
  orderNo: string,
  nowMs: number,
): Promise<{ amount: number; currency: 'CNY'; expiresAt: Date; buyerId: string }> {
  const [row] = await tx.execute<{
    money: OrderRow['money'];
    status: OrderRow['status'];
    amount: string;
    currency: 'CNY';
    expires_at: string;
    buyer_id: string;
  }>(
    sql`SELECT money, status, amount, currency, expires_at, buyer_id FROM orders WHERE order_no = ${orderNo} FOR NO KEY UPDATE`,
  );
  if (row === undefined) throw new HoldfastError('order_not_found');
  const order = {
    ...row,
    amount: Number(row.amount),
    expiresAt: new Date(row.expires_at),
    buyerId: row.buyer_id,
  };
  assertPayable(order, nowMs);
  return order;
}

async function settleOthers(context: CommandContext, others: PaymentRow[]): Promise<void> {
  for (const other of others) {
    const inboxId = await settleAttempt(context.db, context.channels, other).catch((error: unknown) => {
      // Nobody knows about the old attempt: it stays open and is asked about; a second payment is given back.
      if (error instanceof HoldfastError && error.code === 'channel_unknown_outcome') return null;
      throw error;
    });
    if (inboxId !== null) {
      context.inline.payment(inboxId);
      throw new HoldfastError('order_already_paid', {
        message: `the attempt ${other.outTradeNo} has been paid`,
      });
    }
  }
}

function isStale(channel: Channel, { scene, credentialAt }: PaymentRow): boolean {
  const livesMs = channel.credentialLivesMs(scene ?? channel.defaultScene);
  return credentialAt === null || Date.now() - credentialAt.getTime() >= livesMs;
}
