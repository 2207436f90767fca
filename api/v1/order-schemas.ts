/** Orders as the native API shows them, and as it takes them. */
import { z } from 'zod';
import type { NewOrder } from '../../commands/create-order.js';
import type { OrderRow, PaymentRow } from '../../db/orders.js';
import { isChatOpen } from '../../domain/deadlines.js';
import { parseDuration } from '../../domain/durations.js';
import { MAX_AMOUNT_FEN, fen } from '../../domain/money.js';
import { ORDER_STATUSES } from '../../domain/order-status.js';
import { ORDER_KINDS, PAYMENT_CHANNELS, SCENES } from '../../domain/order.js';
import { orderWorkflowId } from '../../workflows/contract.js';
import { fenAmount, moment, userId } from './schemas.js';

const text = (max: number) => z.string().min(1).max(max);

const duration = z
  .string()
  .max(40)
  .refine(
    (given) => parseDuration(given) !== undefined,
    'must be a duration such as 24h or PT15M, a year at most',
  )
  .meta({ example: '24h' });

export const orderInput = z
  .object({
    kind: z.enum(ORDER_KINDS).default('deal'),
    buyerId: userId,
    sellerId: userId.nullish().meta({ description: 'Who is paid by a deal or a course.' }),
    amount: z.number().int().min(0).max(MAX_AMOUNT_FEN).meta({ description: 'Fen.', example: 10_000 }),
    currency: z.literal('CNY').default('CNY'),
    subject: z.string().trim().min(1).max(256).meta({ example: 'One hour of guitar' }),
    items: z
      .array(z.object({ collection: text(64), id: text(64) }))
      .min(1)
      .max(50)
      .nullish()
      .meta({ description: 'Priced by the server; then `amount` is only compared.' }),
    nextAction: z
      .union([z.record(z.string(), z.unknown()), z.string().max(16_384)])
      .nullish()
      .meta({
        description: 'What happens after the payment: an object, JSON, or JSON5.',
        example: { type: 0, id: 129_192 },
      }),
    chatId: text(128).nullish(),
    skillId: text(128).nullish(),
    expiresIn: duration.nullish(),
    chatWindow: duration.nullish(),
    autoConfirmAfter: duration.nullish(),
    metadata: z.record(z.string().max(64), z.string().max(512)).default({}),
  })
  .meta({ id: 'NewOrder' });

const spanMs = (given: string | null | undefined): number | null =>
  given === null || given === undefined ? null : (parseDuration(given) ?? null);

export function fromOrderInput(given: z.output<typeof orderInput>): NewOrder {
  return {
    kind: given.kind,
    buyerId: given.buyerId,
    sellerId: given.sellerId ?? null,
    amountFen: fen(given.amount),
    currency: given.currency,
    subject: given.subject,
    items: given.items ?? null,
    nextAction: given.nextAction ?? null,
    chatId: given.chatId ?? null,
    skillId: given.skillId ?? null,
    expiresInMs: spanMs(given.expiresIn),
    chatWindowMs: spanMs(given.chatWindow),
    autoConfirmAfterMs: spanMs(given.autoConfirmAfter),
    metadata: given.metadata,
  };
}

export const orderSchema = z
  .object({
    id: z.string(),
    orderNo: z.string(),
    kind: z.enum(ORDER_KINDS),
    status: z.enum(ORDER_STATUSES),
    amount: fenAmount,
    refundedAmount: fenAmount.meta({
      description: 'What went back to the payer, by refunds and chargebacks. Fen.',
    }),
    currency: z.literal('CNY'),
    subject: z.string(),
    buyerId: z.string(),
    sellerId: z.string().nullable(),
    items: z.array(z.object({ collection: z.string(), id: z.string() })).nullable(),
    nextAction: z.unknown().meta({ description: 'As it was sent.' }),
    chatId: z.string().nullable(),
    skillId: z.string().nullable(),
    chatOpen: z.boolean(),
    metadata: z.record(z.string(), z.string()),
    workflowId: z.string(),
    channel: z.enum(PAYMENT_CHANNELS).nullable().meta({ description: 'What it was paid by.' }),
    createdAt: moment,
    expiresAt: moment,
    paidAt: moment.nullable(),
    chatClosesAt: moment.nullable(),
    releaseDueAt: moment.nullable().meta({ description: 'When held money becomes the seller’s by itself.' }),
    releasedAt: moment.nullable(),
    releasedBy: z.string().nullable(),
    closedAt: moment.nullable(),
    closedReason: z.string().nullable(),
  })
  .meta({ id: 'Order' });

const iso = (at: Date | null): string | null => at?.toISOString() ?? null;

export function toOrder(order: OrderRow): z.input<typeof orderSchema> {
  const { id, orderNo, kind, status, amount, currency, subject, buyerId, sellerId, items, nextAction } =
    order;
  const { chatId, skillId, metadata, releasedBy, closedReason } = order;
  return {
    id,
    orderNo,
    kind,
    status,
    amount,
    refundedAmount: order.refunded,
    currency,
    subject,
    buyerId,
    sellerId,
    items,
    nextAction,
    chatId,
    skillId,
    chatOpen: isChatOpen(order.chatClosesAt?.getTime() ?? null, order.chatClosedAt !== null, Date.now()),
    metadata,
    workflowId: orderWorkflowId(orderNo),
    channel: order.paidChannel,
    createdAt: order.createdAt.toISOString(),
    expiresAt: order.expiresAt.toISOString(),
    paidAt: iso(order.paidAt),
    chatClosesAt: iso(order.chatClosesAt),
    releaseDueAt: iso(order.releaseDueAt),
    releasedAt: iso(order.releasedAt),
    releasedBy,
    closedAt: iso(order.closedAt),
    closedReason,
  };
}

export const paymentInput = z
  .object({
    channel: z.enum(PAYMENT_CHANNELS),
    scene: z.enum(SCENES).nullish().meta({ description: "Left out: the channel's own default." }),
    payPassword: z.string().min(1).max(64).nullish().meta({ writeOnly: true, description: 'Wallet only.' }),
    openid: text(128).nullish().meta({ description: 'jsapi; left out: the one stored with the user.' }),
    clientIp: z.union([z.ipv4(), z.ipv6()]).nullish().meta({
      description: 'h5, where the payer is; left out: where a user calls from. A back end names it.',
    }),
    returnUrl: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .nullish()
      .meta({ description: 'page and h5.' }),
  })
  .meta({ id: 'NewPayment' });

export const paymentSchema = z
  .object({
    paymentId: z.string(),
    orderId: z.string(),
    channel: z.enum(PAYMENT_CHANNELS),
    scene: z.enum(SCENES).nullable(),
    status: z.enum(['creating', 'pending', 'paid', 'closed', 'failed']),
    outTradeNo: z.string().meta({ description: 'What the provider knows the attempt by.' }),
    amount: fenAmount,
    currency: z.literal('CNY'),
    credential: z.record(z.string(), z.string()).optional().meta({
      description: "What the payer's device needs: a QR text, a URL, or a client library's parameters.",
    }),
    expiresAt: moment,
    createdAt: moment,
    paidAt: moment.nullable(),
  })
  .meta({ id: 'Payment' });

export function toPayment(payment: PaymentRow, orderId: string): z.input<typeof paymentSchema> {
  const { id, channel, scene, status, outTradeNo, amount, currency, credential } = payment;
  return {
    paymentId: id,
    orderId,
    channel,
    scene,
    status,
    outTradeNo,
    amount,
    currency,
    ...(credential !== null && status === 'pending' && { credential }),
    expiresAt: payment.expiresAt.toISOString(),
    createdAt: payment.createdAt.toISOString(),
    paidAt: iso(payment.paidAt),
  };
}
