/** Payment attempts as charge objects in Ping++'s form, which two dialects hand to their clients. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { OrderRow, PaymentRow } from '../../db/orders.js';

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
  body: string;
  clientIp: string;
  livemode: boolean;
  /** Left out: when the attempt was made. */
  createdAt?: Date;
  extra: Readonly<Record<string, string>>;
}

const SUBJECT_LENGTH = 32;
const BODY_LENGTH = 128;
const seconds = (at: Date): number => Math.floor(at.getTime() / 1_000);
const cut = (text: string, length: number): string => Array.from(text).slice(0, length).join('');

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
    case 'alipay_qr':
      return credential['qrCode'] ?? '';
    case 'wx_pub_qr':
      return credential['codeUrl'] ?? '';
    case 'wx_wap':
      return credential['h5Url'] ?? '';
    case 'alipay_wap':
    case 'alipay_pc_direct':
      return formOf(credential['url'] ?? '');
    default:
      return credential;
  }
}

/** An address as its parts, which Ping++'s library puts together again. */
function formOf(url: string): Record<string, string> {
  const { origin, pathname, searchParams } = new URL(url);
  return { channel_url: `${origin}${pathname}`, ...Object.fromEntries(searchParams) };
}

type Charged = Pick<
  PaymentRow,
  'id' | 'credential' | 'outTradeNo' | 'amount' | 'merchant' | 'createdAt' | 'expiresAt'
>;

/** Of a free order, which was paid as it was made and has no attempt. */
export function freeCharge(
  { id, orderNo, createdAt, expiresAt, paidAt }: OrderRow,
  facts: ChargeFacts,
): Charge {
  const attempt = {
    id,
    credential: null,
    outTradeNo: orderNo,
    amount: 0,
    merchant: '',
    createdAt,
    expiresAt,
  };
  return { ...toCharge(attempt, facts), paid: true, time_paid: seconds(paidAt ?? createdAt) };
}

/**
 * An attempt at Ping++ itself has its own charge; of any other one is made. While its provider has not answered the
 * credential is empty: the same call again has it.
 */
export function toCharge(payment: Charged, facts: ChargeFacts): Charge {
  const { credential, outTradeNo, amount } = payment;
  const created = seconds(facts.createdAt ?? payment.createdAt);
  const whole = credential?.['charge'];
  if (whole !== undefined) {
    const charge = chargeSchema.parse(JSON.parse(whole));
    return facts.createdAt === undefined ? charge : { ...charge, created };
  }
  const id = `ch_${payment.id}`;
  return {
    id,
    object: 'charge',
    created,
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
    subject: cut(facts.subject, SUBJECT_LENGTH),
    body: cut(facts.body, BODY_LENGTH),
    extra: facts.extra,
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
