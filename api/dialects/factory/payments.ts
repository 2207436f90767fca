/** Payments at WeChat Pay and Alipay: each fills the payer's balance, from which its nextAction then spends. */
import { z } from 'zod';
import { PLAIN_ORDER, createOrder } from '../../../commands/create-order.js';
import { assertWish, payByProvider } from '../../../commands/pay-order.js';
import type { PaymentRow } from '../../../db/orders.js';
import { topupsOf } from '../../../db/topups.js';
import { HoldfastError } from '../../../domain/errors.js';
import type { Endpoint } from '../../endpoint.js';
import { askedBy } from '../calls.js';
import { optionalText, whole } from '../fields.js';
import { calls, payerOf, someOf } from './call.js';
import { PAY_LOG, moneyIn, payLogSchema, toPayLog, yuan } from './convert.js';
import { GATES, credentialSchema } from './gates.js';

const ONLY_ONE = { no: 1, size: 1 } as const;
const PAGE_SIZE = 20;
// As front ends ask for "all of them".
const MOST_ROWS = 500;

const NO_NAME = '在线支付';

const paymentFields = z.object({
  money: yuan,
  payName: optionalText(256).meta({ description: 'What the payer is shown.' }),
  remark: optionalText(256),
  nextAction: z
    .union([z.string().max(16_384), z.record(z.string(), z.unknown())])
    .nullish()
    .meta({ description: 'An object, or its text in JSON or JavaScript. Left out: the balance keeps it.' }),
  openid: optionalText(128).meta({ description: 'The payer’s at this channel, where none is stored.' }),
  returnUrl: z
    .url({ protocol: /^https?$/ })
    .max(1_024)
    .optional()
    .meta({ description: 'Where the payer’s browser goes afterwards.' }),
});

const payments = GATES.flatMap(({ path, summary, channel, scene, toClient, answered }) =>
  calls(
    {
      method: 'post',
      paths: [path],
      summary: `${summary}: fill the balance, then run the nextAction`,
      fields: paymentFields,
      example: { token: '', money: '0.01', payName: NO_NAME, nextAction: '{"type":0,"id":77}' },
      answered: { outTradeId: PAY_LOG.outTradeId, ...answered },
      data: credentialSchema,
    },
    async ({ services, caller, address }, sent) => {
      const { commands, config } = services;
      const userId = payerOf(caller, sent.uid);
      const asked = askedBy(caller, userId);
      const amountFen = moneyIn(sent.money);
      const wish = {
        channel,
        scene,
        openid: sent.openid ?? null,
        clientIp: address ?? null,
        returnUrl: sent.returnUrl ?? `${config.publicUrl}/`,
        by: asked.by,
      };
      await assertWish(commands, userId, wish);
      const order = await createOrder(
        commands,
        {
          ...PLAIN_ORDER,
          kind: 'topup',
          buyerId: userId,
          amountFen,
          subject: sent.payName ?? sent.remark ?? NO_NAME,
          nextAction: sent.nextAction === '' ? null : sent.nextAction,
          metadata: sent.remark === undefined ? {} : { remark: sent.remark },
        },
        asked,
      );
      const payment = await payByProvider(commands, order, wish);
      const { outTradeNo: outTradeId } = payment;
      return { ...toClient(credentialOf(payment), outTradeId), outTradeId };
    },
  ),
);

/** These clients have no way to ask again. @throws HoldfastError `channel_unknown_outcome` */
function credentialOf({ channel, credential }: PaymentRow): Record<string, string> {
  if (credential !== null) return credential;
  throw new HoldfastError('channel_unknown_outcome', { message: `${channel} has not answered yet` });
}

const payQuery = calls(
  {
    method: 'get',
    paths: ['/pay/query'],
    summary: '查询在线支付状态: one payment',
    fields: z.object({ outTradeId: z.string().min(1).max(64) }),
    example: { token: '', outTradeId: PAY_LOG.outTradeId },
    answered: PAY_LOG,
    data: payLogSchema,
  },
  async ({ services: { db }, caller }, { outTradeId, uid }) => {
    const filter = { outTradeNo: outTradeId };
    const [found] = someOf(await topupsOf(db, payerOf(caller, uid), filter, ONLY_ONE));
    if (found === undefined) throw new Error('a list that is not empty has a first');
    return toPayLog(found);
  },
);

const payLogs = calls(
  {
    method: 'post',
    paths: ['/user/payLogs'],
    summary: '充值记录: the payer’s payments, the newest first',
    fields: z.object({
      orderNo: optionalText(64),
      status: whole(0, 1).optional().meta({ description: '0: unpaid; 1: paid.' }),
      page: whole(1, 1_000_000).optional(),
      pageSize: whole(1, MOST_ROWS).optional(),
    }),
    example: { token: '', page: 1, pageSize: PAGE_SIZE },
    answered: [PAY_LOG],
    data: z.array(payLogSchema),
  },
  async ({ services: { db }, caller }, { orderNo, status, page = 1, pageSize = PAGE_SIZE, uid }) => {
    const filter = { outTradeNo: orderNo, paid: status === undefined ? undefined : status === 1 };
    const found = await topupsOf(db, payerOf(caller, uid), filter, { no: page, size: pageSize });
    return someOf(found).map(toPayLog);
  },
);

export const factoryPayments: readonly Endpoint[] = [...payments, ...payQuery, ...payLogs];
