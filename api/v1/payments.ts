import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { payByProvider } from '../../commands/pay-order.js';
import { payFromWallet } from '../../commands/pay-from-wallet.js';
import type { Caller } from '../../commands/credentials.js';
import type { Db } from '../../db/client.js';
import type { OrderRow, PaymentRow } from '../../db/orders.js';
import { orders, payments } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { anyOf, anyUser, backend } from '../access.js';
import { type Context, type Endpoint, endpoint } from '../endpoint.js';
import { invalid } from '../json.js';
import { paymentInput, paymentSchema, toPayment } from './order-schemas.js';
import { asked, orderParams, partiesOrBackend } from './orders.js';
import { orderFor } from '../parties.js';

async function pay(
  context: Context,
  order: OrderRow,
  wish: z.output<typeof paymentInput>,
): Promise<PaymentRow> {
  const { services, caller, address } = context;
  const { channel, scene, payPassword, openid, clientIp, returnUrl } = wish;
  if (channel !== 'wallet') {
    return payByProvider(services.commands, order, {
      channel,
      scene: scene ?? null,
      openid: openid ?? null,
      // A user pays from where they call; a back end calls for a payer who is elsewhere.
      clientIp: clientIp ?? (caller?.kind === 'user' ? address : undefined) ?? null,
      returnUrl: returnUrl ?? null,
      by: asked(context).by,
    });
  }
  if (payPassword === null || payPassword === undefined) {
    throw invalid('body', 'payPassword', 'is needed to pay from the wallet');
  }
  return payFromWallet(services.commands, order, payPassword);
}

/**
 * A seller has no business with what the buyer's device was given.
 * @param unknown what strangers hear: to them it does not exist, and neither does its order
 */
async function assertMaySee(
  db: Db,
  caller: Caller,
  orderId: string,
  unknown: (cause: unknown) => HoldfastError,
): Promise<void> {
  try {
    await orderFor(db, caller, orderId, ['buyer', 'backend', 'operator']);
  } catch (error) {
    throw error instanceof HoldfastError && error.code === 'order_not_found' ? unknown(error) : error;
  }
}

export const paymentEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/v1/orders/:id/payments',
    access: anyOf(backend('orders'), anyUser),
    tag: 'payments',
    summary: 'Pay an order',
    description:
      'Opens an attempt at a provider, or pays from the wallet. The same channel and scene again answers the same ' +
      'credential. Status `creating` (202): the provider has not answered yet; ask again, the number stays.',
    params: orderParams,
    body: paymentInput,
    bodyExample: { channel: 'alipay', scene: 'qr' },
    responses: {
      201: { description: 'The attempt.', schema: paymentSchema },
      202: { description: 'The provider has not answered yet.', schema: paymentSchema },
    },
    errors: [
      'order_not_found',
      'order_not_payable',
      'order_already_paid',
      'channel_not_configured',
      'channel_refused',
      'scene_not_supported',
      'wrong_password',
      'password_locked',
      'password_not_set',
      'insufficient_funds',
    ],
    handler: async (context, { params, body }) => {
      const order = await orderFor(context.services.db, context.caller, params.id, ['buyer', 'backend']);
      const payment = await pay(context, order, body);
      return { status: payment.status === 'creating' ? 202 : 201, body: toPayment(payment, order.id) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/payments/:id',
    access: partiesOrBackend,
    tag: 'payments',
    summary: 'Read a payment attempt',
    params: z.object({ id: z.string().regex(/^[0-9a-f]{24}$/, 'must be the 24 hex digits of a payment id') }),
    responses: { 200: { description: 'The attempt.', schema: paymentSchema } },
    errors: ['not_found'],
    handler: async ({ services, caller }, { params }) => {
      const [row] = await services.db
        .select({ payment: payments, orderId: orders.id })
        .from(payments)
        .innerJoin(orders, eq(orders.orderNo, payments.orderNo))
        .where(eq(payments.id, params.id));
      const unknown = (cause?: unknown): HoldfastError =>
        new HoldfastError('not_found', { message: `there is no payment ${params.id}`, cause });
      if (row === undefined) throw unknown();
      await assertMaySee(services.db, caller, row.orderId, unknown);
      return { status: 200, body: toPayment(row.payment, row.orderId) };
    },
  }),
];
