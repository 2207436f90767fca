/** Attempts at providers, asked for by Ping++'s names of the channels and answered as its charges. */
import { assertWish, payByProvider } from '../../commands/pay-order.js';
import type { OrderRow } from '../../db/orders.js';
import { HoldfastError } from '../../domain/errors.js';
import type { ProviderChannel, Scene } from '../../domain/order.js';
import type { Services } from '../services.js';
import { type Charge, type ChargeFacts, toCharge } from './charge.js';

interface Way {
  /** Undefined: nobody but Ping++ has it. */
  direct?: { channel: ProviderChannel; scene: Scene };
  /** The scene at Ping++, which is asked where the channel itself is not configured. */
  atPingpp: Scene;
}

const WAYS = {
  wx: { direct: { channel: 'wechat', scene: 'app' }, atPingpp: 'wx' },
  wx_pub: { direct: { channel: 'wechat', scene: 'jsapi' }, atPingpp: 'jsapi' },
  wx_pub_qr: { direct: { channel: 'wechat', scene: 'qr' }, atPingpp: 'wx_pub_qr' },
  wx_wap: { direct: { channel: 'wechat', scene: 'h5' }, atPingpp: 'wx_wap' },
  wx_lite: { direct: { channel: 'wechat', scene: 'jsapi' }, atPingpp: 'wx_lite' },
  alipay: { direct: { channel: 'alipay', scene: 'app' }, atPingpp: 'app' },
  alipay_wap: { direct: { channel: 'alipay', scene: 'h5' }, atPingpp: 'h5' },
  alipay_qr: { direct: { channel: 'alipay', scene: 'qr' }, atPingpp: 'qr' },
  alipay_pc_direct: { direct: { channel: 'alipay', scene: 'page' }, atPingpp: 'page' },
  upacp: { atPingpp: 'upacp' },
  upacp_wap: { atPingpp: 'upacp_wap' },
} as const satisfies Record<string, Way>;

export type PingppChannel = keyof typeof WAYS;
export const PINGPP_CHANNELS = Object.keys(WAYS) as PingppChannel[];

export interface ChargeWish {
  channel: PingppChannel;
  /** The caller's: some ways need the payer's. */
  address: string | undefined;
  by: string;
  openid?: string | undefined;
  /** Where the payer's browser goes afterwards. */
  returnUrl?: string;
  /** What the payer's client shows of it; the order's subject where left out. */
  body?: string;
  /** Of the order, where the charge shall be as old as it is. */
  createdAt?: Date;
  extra?: Readonly<Record<string, string>>;
}

function wishOf({ channels }: Services, wish: ChargeWish) {
  const { direct, atPingpp }: Way = WAYS[wish.channel];
  const isDirect =
    direct !== undefined && (channels[direct.channel] !== undefined || channels.pingpp === undefined);
  return {
    ...(isDirect ? direct : { channel: 'pingpp' as const, scene: atPingpp }),
    openid: wish.openid ?? null,
    clientIp: wish.address ?? null,
    returnUrl: wish.returnUrl ?? null,
    by: wish.by,
  };
}

/**
 * Says what is wrong with a wish before there is an order for it.
 * @throws HoldfastError `channel_not_configured`, `scene_not_supported`, `invalid_request`
 */
export function assertChargeable(services: Services, buyerId: string, wish: ChargeWish): Promise<void> {
  return assertWish(services.commands, buyerId, wishOf(services, wish));
}

/** What a charge says beside its attempt. */
export function factsOf({ config }: Services, { subject }: OrderRow, wish: ChargeWish): ChargeFacts {
  return {
    channel: wish.channel,
    subject,
    body: wish.body ?? subject,
    clientIp: wish.address ?? '127.0.0.1',
    livemode: config.production,
    ...(wish.createdAt && { createdAt: wish.createdAt }),
    extra: wish.extra ?? {},
  };
}

/** While its provider has not answered, the charge's credential is empty: the same call again has it. */
export async function chargeFor(services: Services, order: OrderRow, wish: ChargeWish): Promise<Charge> {
  const payment = await payByProvider(services.commands, order, wishOf(services, wish));
  return toCharge(payment, factsOf(services, order, wish));
}

/**
 * Like `chargeFor`, for clients that have no way to ask again.
 * @throws HoldfastError `channel_unknown_outcome`: the provider has not answered
 */
export async function payableCharge(services: Services, order: OrderRow, wish: ChargeWish): Promise<Charge> {
  const charge = await chargeFor(services, order, wish);
  if (charge.credential[wish.channel] !== undefined) return charge;
  throw new HoldfastError('channel_unknown_outcome', { message: `${wish.channel} has not answered yet` });
}
