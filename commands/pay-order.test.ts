import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Channel } from '../channels/channel.js';
import type { Channels } from '../channels/index.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import { type Providers, startProviders } from '../test/support/providers.js';
import { addUsers, insertOrder, offlineContext } from '../test/support/world.js';
import { payByProvider } from './pay-order.js';

const SECOND_MS = 1_000;
const wish = { scene: 'qr', openid: null, clientIp: null, returnUrl: null, by: 'test' } as const;

let database: TestDatabase;
let providers: Providers;
let now = Math.floor(Date.now() / SECOND_MS) * SECOND_MS;
beforeAll(async () => {
  [database, providers] = await Promise.all([freshDatabase(), startProviders(() => now)]);
  await addUsers(database.db);
});
afterAll(async () => {
  await providers.close();
  await database.close();
});

/** The channels, to one of which the way takes until then. */
function slowly(name: 'alipay' | 'wechat', arrivesAt: number): Channels {
  const channel = providers.channels[name];
  if (channel === undefined) throw new Error(`the sandbox has ${name}`);
  const slow: Channel = {
    ...channel,
    create: (request) => {
      now = arrivesAt;
      return channel.create(request);
    },
  };
  return { ...providers.channels, [name]: slow };
}

describe('an attempt whose time runs out on the way to its provider', () => {
  it('is told that the order has expired, also within the second that providers do not see', async () => {
    const { db } = database;
    const expiresAt = new Date(now + 30 * SECOND_MS + 400);
    const order = await insertOrder(db, { expiresAt });
    const channels = slowly('alipay', expiresAt.getTime() - 100);
    const context = { ...offlineContext(db, () => now), channels };
    const refusal = await refusalOf(payByProvider(context, order, { ...wish, channel: 'alipay' }));
    expect(refusal).toMatchObject({ code: 'order_not_payable', message: 'the order has expired' });
  });

  it('hears any other refusal in the words of its provider', async () => {
    const { db } = database;
    const order = await insertOrder(db, { expiresAt: new Date(now + 30 * SECOND_MS), subject: '' });
    const channels = slowly('alipay', now);
    const context = { ...offlineContext(db, () => now), channels };
    const refusal = await refusalOf(payByProvider(context, order, { ...wish, channel: 'alipay' }));
    expect(refusal).toMatchObject({ code: 'channel_refused' });
  });
});
