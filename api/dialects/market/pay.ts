/** Attempts at providers, as charges. */
import { payByProvider } from '../../../commands/pay-order.js';
import type { OrderRow } from '../../../db/orders.js';
import type { ProviderChannel } from '../../../domain/order.js';
import type { Services } from '../../services.js';
import { type Charge, toCharge } from '../charge.js';

const CHANNELS = { alipay: 'alipay', wx: 'wechat' } as const satisfies Record<string, ProviderChannel>;

/** The document's clients are apps. Ping++'s own app payments go by Alipay, where nothing else does. */
export async function chargeFor(
  { channels, commands, config }: Services,
  order: OrderRow,
  wish: { channel: keyof typeof CHANNELS; address: string | undefined; by: string },
): Promise<Charge> {
  const direct = CHANNELS[wish.channel];
  const isByPingpp =
    wish.channel === 'alipay' && channels.alipay === undefined && channels.pingpp !== undefined;
  const payment = await payByProvider(commands, order, {
    channel: isByPingpp ? 'pingpp' : direct,
    scene: 'app',
    openid: null,
    clientIp: wish.address ?? null,
    returnUrl: null,
    by: wish.by,
  });
  return toCharge(payment, {
    channel: wish.channel,
    subject: order.subject,
    clientIp: wish.address ?? '127.0.0.1',
    livemode: config.production,
  });
}
