import { createSign, type KeyObject } from 'node:crypto';
import { base62, digits, hex } from '../../values/random.js';
import { toCst } from '../../values/times.js';
import { yuanFromFen } from '../../values/yuan.js';

/** What a charge's credential is made of. */
export interface CredentialParts {
  readonly chargeId: string;
  readonly orderNo: string;
  readonly amount: number;
  readonly subject: string;
  readonly body: string;
  readonly expiresAt: number;
  readonly extra: Readonly<Record<string, unknown>>;
  /** Of this gateway, without a trailing slash. */
  readonly baseUrl: string;
  readonly key: KeyObject;
}

/** Each channel with the product's word for its scene, and what its payer's device is given. */
export const PAY_CHANNELS = {
  alipay: { scene: 'app', make: (parts) => ({ orderInfo: orderInfo(parts) }) },
  alipay_wap: { scene: 'h5', make: (parts) => mapi(parts, 'alipay.wap.create.direct.pay.by.user') },
  alipay_pc_direct: { scene: 'page', make: (parts) => mapi(parts, 'create_direct_pay_by_user') },
  alipay_qr: { scene: 'qr', make: () => `https://qr.alipay.com/${base62(24).toLowerCase()}` },
  wx: {
    scene: 'app',
    make: () => ({
      appId: `wx${hex(16)}`,
      partnerId: `19${digits(8)}`,
      prepayId: prepayId(),
      nonceStr: hex(32),
      timeStamp: Math.floor(Date.now() / 1000),
      packageValue: 'Sign=WXPay',
      sign: hex(32).toUpperCase(),
    }),
  },
  wx_pub: { scene: 'jsapi', make: () => wechatJs() },
  wx_lite: { scene: 'jsapi', make: () => wechatJs() },
  wx_pub_qr: { scene: 'qr', make: () => `weixin://wxpay/bizpayurl?pr=${base62(9)}zz` },
  wx_wap: {
    scene: 'h5',
    make: ({ chargeId, baseUrl }) => `${baseUrl}/gateway.do?charge=${chargeId}&prepay_id=${prepayId()}`,
  },
  upacp: { scene: 'app', make: () => ({ tn: digits(21), mode: '01' }) },
  upacp_wap: {
    scene: 'h5',
    make: ({ chargeId, baseUrl }) => ({
      channel_url: `${baseUrl}/gateway.do`,
      charge: chargeId,
      tn: digits(21),
    }),
  },
} as const satisfies Record<string, { scene: string; make: (parts: CredentialParts) => unknown }>;

export type PayChannel = keyof typeof PAY_CHANNELS;

export function isPayChannel(name: string): name is PayChannel {
  return Object.hasOwn(PAY_CHANNELS, name);
}

function prepayId(): string {
  return `wx${digits(14)}${hex(20)}00`;
}

function wechatJs(): Record<string, string> {
  return {
    appId: `wx${hex(16)}`,
    timeStamp: String(Math.floor(Date.now() / 1000)),
    nonceStr: hex(32),
    package: `prepay_id=${prepayId()}`,
    signType: 'MD5',
    paySign: hex(32).toUpperCase(),
  };
}

/** Alipay's old gateway: the signed text is every field but the address, sorted; signed by RSA with SHA-1. */
function mapi(parts: CredentialParts, service: string): Record<string, string> {
  const { success_url: returnUrl } = parts.extra;
  const fields: Record<string, string> = {
    _input_charset: 'utf-8',
    body: parts.body,
    it_b_pay: toCst(parts.expiresAt),
    notify_url: encodeURIComponent(`https://api.pingxx.com/notify/charges/${parts.chargeId}`),
    out_trade_no: parts.orderNo,
    partner: '2008808933961979',
    payment_type: '1',
    return_url: typeof returnUrl === 'string' ? encodeURIComponent(returnUrl) : '',
    seller_id: '2008808933961979',
    service,
    subject: parts.subject,
    total_fee: yuanFromFen(parts.amount),
  };
  return {
    // The provider's own path on this host, so that a browser that follows it reaches the cashier.
    channel_url: `${parts.baseUrl}/gateway.do`,
    ...fields,
    sign: signSha1(joined(fields), parts.key),
    sign_type: 'RSA',
  };
}

function orderInfo(parts: CredentialParts): string {
  const { channel_url: _address, sign, sign_type: _type, ...fields } = mapi(parts, 'mobile.securitypay.pay');
  const text = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  return `${text.join('&')}&sign="${encodeURIComponent(sign ?? '')}"&sign_type="RSA"`;
}

function joined(fields: Readonly<Record<string, string>>): string {
  return Object.keys(fields)
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join('&');
}

function signSha1(text: string, key: KeyObject): string {
  return createSign('RSA-SHA1').update(text, 'utf8').sign(key, 'base64');
}
