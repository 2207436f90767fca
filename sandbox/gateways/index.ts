import type { Channel, Gateway, GatewayContext } from '../gateway.js';
import { createAlipay } from './alipay/index.js';
import { createPingpp } from './pingpp/index.js';
import { createStripe } from './stripe/index.js';
import { createWechat } from './wechat/index.js';

/** Where each gateway listens, counted from SANDBOX_PORT, and how it is made. */
export const GATEWAYS = {
  alipay: { portOffset: 1, create: createAlipay },
  wechat: { portOffset: 2, create: createWechat },
  pingpp: { portOffset: 3, create: createPingpp },
  stripe: { portOffset: 4, create: createStripe },
} as const satisfies Record<
  Channel,
  { portOffset: number; create: (context: GatewayContext) => Promise<Gateway> }
>;
