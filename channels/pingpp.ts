/**
 * Ping++, which stands before Alipay and WeChat Pay: create, query, refund, pay out, its bill and its events. It knows
 * charges by numbers of its own, and takes the same number of ours more than once.
 */
import { z } from 'zod';
import { missingField, unknownOutcome } from './provider-errors.js';
import { SCENES, type Scene } from '../domain/order.js';
import type { Attempt, Channel, Credential, KnownAttempt, TradeState } from './channel.js';
import { bill } from './pingpp-bill.js';
import { type Charge, chargeSchema, credentialOf, isPaid, merchantOf, toPayment } from './pingpp-charge.js';
import {
  type PingppClient,
  type PingppConfig,
  createPingppClient,
  isFinal,
  toRefusalError,
} from './pingpp-client.js';
import { verifyPingppNotification } from './pingpp-notification.js';
import { payout, queryPayout } from './pingpp-payout.js';
import { queryRefund, refund } from './pingpp-refund.js';
import { cutText, withoutReserved } from './text.js';

export type { PingppConfig } from './pingpp-client.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
// What Alipay and WeChat Pay hand out lives 2 h; see alipay.ts and wechat.ts.
const CREDENTIAL_LIVES_MS = 115 * MINUTE_MS;
const LONGEST_SUBJECT = 32;
const LONGEST_BODY = 128;
const LONGEST_PRODUCT_ID = 32;
// An attempt is posted as soon as it is made. One that is older may have been posted before.
const FIRST_POSTING_WITHIN_MS = 2 * SECOND_MS;
// Our clock and Ping++'s are this close.
const CLOCKS_DIFFER_MS = 5 * MINUTE_MS;

const CHARGES = '/v1/charges';
const CREATE = `POST ${CHARGES}`;

interface Way {
  channel: string;
  /** The latest time_expire that Ping++ takes. */
  longestMs: number;
  extra?(attempt: Attempt): Record<string, string>;
}

/** @param name what Ping++ calls it, which differs by channel */
const withReturnUrl = (name: 'success_url' | 'result_url') => (attempt: Attempt) => {
  if (!attempt.returnUrl) throw missingField('pingpp', attempt.scene, 'returnUrl');
  return { [name]: attempt.returnUrl };
};

const withOpenid = (attempt: Attempt) => {
  if (!attempt.openid) throw missingField('pingpp', attempt.scene, 'openid');
  return { open_id: attempt.openid };
};

const ALIPAY_MS = 15 * DAY_MS;
const WECHAT_MS = 7 * DAY_MS;
// An hour, and the minute that is kept off for clocks that differ: orders of exactly an hour are usual here.
const UNIONPAY_MS = 61 * MINUTE_MS;

const WAYS: Record<Scene, Way> = {
  qr: { channel: 'alipay_qr', longestMs: ALIPAY_MS },
  app: { channel: 'alipay', longestMs: ALIPAY_MS },
  h5: { channel: 'alipay_wap', longestMs: ALIPAY_MS, extra: withReturnUrl('success_url') },
  page: { channel: 'alipay_pc_direct', longestMs: ALIPAY_MS, extra: withReturnUrl('success_url') },
  jsapi: { channel: 'wx_pub', longestMs: WECHAT_MS, extra: withOpenid },
  wx: { channel: 'wx', longestMs: WECHAT_MS },
  wx_lite: { channel: 'wx_lite', longestMs: WECHAT_MS, extra: withOpenid },
  wx_pub_qr: {
    channel: 'wx_pub_qr',
    longestMs: WECHAT_MS,
    extra: ({ outTradeNo }) => ({ product_id: outTradeNo.slice(0, LONGEST_PRODUCT_ID) }),
  },
  wx_wap: { channel: 'wx_wap', longestMs: WECHAT_MS },
  upacp: { channel: 'upacp', longestMs: UNIONPAY_MS },
  upacp_wap: { channel: 'upacp_wap', longestMs: UNIONPAY_MS, extra: withReturnUrl('result_url') },
};

/** @throws HoldfastError `channel_not_configured`: a key that is none */
export function createPingpp(config: PingppConfig): Channel {
  const client = createPingppClient(config);
  const { appId } = config;
  return {
    name: 'pingpp',
    merchant: merchantOf(appId, client.live),
    scenes: SCENES,
    defaultScene: 'qr',
    // What has run out is of no use, although our own order may live on.
    credentialLivesMs: (scene) => Math.min(CREDENTIAL_LIVES_MS, WAYS[scene].longestMs - 5 * MINUTE_MS),
    create: (attempt) => create(client, appId, attempt),
    query: (attempt) => query(client, appId, attempt),
    // Its one way to close is to reverse the charge, which gives back what was paid meanwhile: by then we may have
    // been told of that money, and hold it.
    canClose: () => false,
    close: (attempt) => query(client, appId, attempt),
    refund: (request, posting) => refund(client, request, posting),
    queryRefund: (request) => queryRefund(client, request),
    payout: (request) => payout(client, appId, request),
    queryPayout: (request) => queryPayout(client, appId, request),
    bill: (date) => bill(client, appId, date),
    verifyNotification: (raw) => verifyPingppNotification(client.publicKey, raw),
    acknowledgement: {
      // Any 2xx ends the re-sends.
      success: { status: 200, contentType: 'text/plain; charset=utf-8', body: 'success' },
      failure: { status: 400, contentType: 'text/plain; charset=utf-8', body: 'fail' },
    },
  };
}

// The whole charge is kept as it came: the client libraries of Ping++ take it so.
const createdSchema = z.looseObject({}).transform((whole) => ({ whole, charge: chargeSchema.parse(whole) }));

async function create(client: PingppClient, appId: string, attempt: Attempt): Promise<Credential> {
  const order = toOrder(appId, attempt);
  const earlier = await findEarlier(client, appId, attempt);
  // Its payment is found by the next question; a second charge could only be paid twice.
  if (earlier.some(isPaid)) throw unknownOutcome(facts('the number was paid before'));
  const answer = await client.post(CHARGES, order, createdSchema);
  if (answer.ok) {
    assertSameCharge(attempt, order.channel, answer.body.charge);
    return toCredential(answer.body.charge, answer.body.whole, earlier);
  }
  // Of a number that has a charge, the attempt is not given up: that charge may be why, and may be paid.
  const asked = { ...attempt, credential: null };
  const others =
    isFinal(answer.refusal) && earlier.length === 0 ? await findCharges(client, appId, asked) : earlier;
  throw others.length > 0 ? unknownOutcome(answer.refusal) : toRefusalError(answer.refusal);
}

function toOrder(appId: string, attempt: Attempt) {
  const way = WAYS[attempt.scene];
  const expiresAtMs = Math.min(attempt.expiresAt.getTime(), Date.now() + way.longestMs - MINUTE_MS);
  const subject = withoutReserved(attempt.subject);
  return {
    order_no: attempt.outTradeNo,
    app: { id: appId },
    channel: way.channel,
    amount: attempt.amountFen,
    // Asked for at every channel, and used by those that open WeChat Pay from a browser alone.
    client_ip: attempt.clientIp ?? '127.0.0.1',
    currency: 'cny',
    subject: cutText(subject, LONGEST_SUBJECT),
    body: cutText(subject, LONGEST_BODY),
    extra: way.extra?.(attempt) ?? {},
    time_expire: Math.floor(expiresAtMs / SECOND_MS),
  };
}

/** Charges of this attempt that may exist already: those that we know, or those that a lost answer may have made. */
async function findEarlier(client: PingppClient, appId: string, attempt: Attempt): Promise<Charge[]> {
  const isFirst =
    attempt.credential === null && Date.now() - attempt.createdAt.getTime() < FIRST_POSTING_WITHIN_MS;
  return isFirst ? [] : findCharges(client, appId, attempt);
}

async function findCharges(client: PingppClient, appId: string, attempt: KnownAttempt): Promise<Charge[]> {
  const found: Charge[] = [];
  if (attempt.credential !== null) {
    for (const id of idsIn(attempt.credential)) {
      const answer = await client.get(`${CHARGES}/${encodeURIComponent(id)}`, {}, chargeSchema);
      if (!answer.ok) throw unknownOutcome(answer.refusal);
      assertOwn(attempt, id, answer.body);
      found.push(answer.body);
    }
    return found;
  }
  const from = Math.floor((attempt.createdAt.getTime() - CLOCKS_DIFFER_MS) / SECOND_MS);
  const listed = client.list(CHARGES, { 'app[id]': appId, 'created[gte]': from }, chargeSchema);
  for await (const charge of listed) if (charge.order_no === attempt.outTradeNo) found.push(charge);
  return found;
}

/** The charge that was handed out last, and those before it, whose QR code somebody may still have. */
function idsIn({ chargeId = '', earlierIds = '' }: Credential): string[] {
  return [chargeId, ...earlierIds.split(',')].filter((id) => id !== '');
}

function toCredential(charge: Charge, whole: object, earlier: readonly Charge[]): Credential {
  const held = credentialOf(charge);
  const fields = z.record(z.string(), z.union([z.string(), z.number()])).safeParse(held).data;
  // WeChat Pay's address for a browser comes as it is, and every other text is a code to be scanned.
  const isAddress = charge.channel === WAYS.wx_wap.channel && typeof held === 'string';
  const url = isAddress ? held : fields && toUrl(fields);
  return {
    chargeId: charge.id,
    charge: JSON.stringify(whole),
    ...(typeof held === 'string' && !isAddress ? { qrCode: held } : {}),
    ...(url === undefined ? {} : { url }),
    ...(earlier.length > 0 ? { earlierIds: earlier.map(({ id }) => id).join(',') } : {}),
  };
}

/** Where the payer's browser goes, as Ping++'s own library makes it of a credential with a `channel_url`. */
function toUrl({ channel_url: address, ...rest }: Record<string, string | number>): string | undefined {
  if (typeof address !== 'string') return undefined;
  const query = Object.entries(rest).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `${address}?${query.join('&')}`;
}

async function query(client: PingppClient, appId: string, attempt: KnownAttempt): Promise<TradeState> {
  const charges = await findCharges(client, appId, attempt);
  const paid = charges.find(isPaid);
  if (paid !== undefined) return { state: 'paid', payment: toPayment(paid, new Date()) };
  // A charge has no word for its end: until its expiry it can be paid, unless somebody took it back by hand.
  const isOver = charges.length > 0 && charges.every(({ reversed }) => reversed === true);
  return { state: isOver ? 'closed' : 'unpaid' };
}

/** Nobody signs the answers; one about another charge comes of a mix-up on the way. */
function assertOwn(attempt: KnownAttempt, id: string, charge: Charge): void {
  if (charge.id !== id || charge.order_no !== attempt.outTradeNo) {
    throw unknownOutcome({
      channel: 'pingpp',
      operation: `GET ${CHARGES}/ch_`,
      providerMessage: 'the answer is about another charge',
    });
  }
}

function assertSameCharge(attempt: Attempt, channel: string, charge: Charge): void {
  const isSame =
    charge.order_no === attempt.outTradeNo &&
    charge.amount === attempt.amountFen &&
    charge.channel === channel &&
    credentialOf(charge) !== undefined;
  if (!isSame) throw unknownOutcome(facts('the answer is about another charge'));
}

function facts(providerMessage: string) {
  return { channel: 'pingpp', operation: CREATE, providerMessage } as const;
}
