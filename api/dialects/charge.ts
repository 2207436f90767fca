/** Payment attempts as charge objects in Ping++'s form, which two dialects hand to their clients. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { PaymentRow } from '../../db/orders.js';

/** The fields that a client library reads; a charge of Ping++'s own has more (reference: Charges). */
export const chargeSchema = z
  .looseObject({
    id: z.string().meta({ example: 'ch_55370ecc30b55c7805829b33' }),
    object: z.literal('charge'),
    created: z.int().meta({ description: 'Epoch seconds.' }),
    livemode: z.boolean(),
    paid: z.boolean(),
    refunded: z.boolean(),
    app: z.string(),
    channel: z.string(),
    order_no: z.string().meta({ description: 'The number that the provider knows the attempt by.' }),
    client_ip: z.string(),
    amount: z.int().meta({ description: 'Fen.' }),
    currency: z.literal('cny'),
    subject: z.string(),
    body: z.string(),
    time_expire: z.int().meta({ description: 'Epoch seconds.' }),
    credential: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Charge' });
export type Charge = z.infer<typeof chargeSchema>;

export interface ChargeFacts {
  /** Ping++'s name, such as `wx`. */
  channel: string;
  subject: string;
  clientIp: string;
  livemode: boolean;
}

const SUBJECT_LENGTH = 32;
const seconds = (at: Date): number => Math.floor(at.getTime() / 1_000);

/** Ping++'s app ids have 16 characters; ours says which merchant it is without naming it. */
const appOf = (merchant: string): string =>
  `app_${createHash('sha256').update(merchant).digest('base64url').replaceAll(/[-_]/g, '0').slice(0, 16)}`;

/** What Ping++'s client libraries hand to the channel's own, by Ping++'s name of the channel. */
function credentialFor(channel: string, credential: Record<string, string>): unknown {
  switch (channel) {
    case 'alipay':
      return { orderInfo: credential['orderString'] ?? '' };
    case 'wx':
      return {
        appId: credential['appid'] ?? '',
        partnerId: credential['partnerid'] ?? '',
        prepayId: credential['prepayid'] ?? '',
        nonceStr: credential['noncestr'] ?? '',
        timeStamp: credential['timestamp'] ?? '',
        packageValue: credential['package'] ?? '',
        sign: credential['sign'] ?? '',
      };
    default:
      return credential;
  }
}

/**
 * An attempt at Ping++ itself has its own charge; of any other one is made. While its provider has not answered the
 * credential is empty: the same call again has it.
 */
export function toCharge(payment: PaymentRow, facts: ChargeFacts): Charge {
  const { credential, outTradeNo, amount } = payment;
  const whole = credential?.['charge'];
  if (whole !== undefined) return chargeSchema.parse(JSON.parse(whole));
  const id = `ch_${payment.id}`;
  return {
    id,
    object: 'charge',
    created: seconds(payment.createdAt),
    livemode: facts.livemode,
    paid: false,
    refunded: false,
    reversed: false,
    app: appOf(payment.merchant),
    channel: facts.channel,
    order_no: outTradeNo,
    client_ip: facts.clientIp,
    amount,
    amount_settle: amount,
    currency: 'cny',
    subject: Array.from(facts.subject).slice(0, SUBJECT_LENGTH).join(''),
    body: facts.subject,
    extra: {},
    time_paid: null,
    time_expire: seconds(payment.expiresAt),
    time_settle: null,
    transaction_no: null,
    refunds: { object: 'list', url: `/v1/charges/${id}/refunds`, has_more: false, data: [] },
    amount_refunded: 0,
    failure_code: null,
    failure_msg: null,
    metadata: {},
    credential: {
      object: 'credential',
      ...(credential !== null && { [facts.channel]: credentialFor(facts.channel, credential) }),
    },
    description: null,
  };
}
