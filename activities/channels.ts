/** Questions to the providers: their answers go through the inbox like notifications. */
import { and, eq, inArray } from 'drizzle-orm';
import { type Channels, channelNamed } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { insertAnswer } from '../db/inbox.js';
import { payments } from '../db/schema.js';
import type { ProviderChannel } from '../domain/order.js';
import { settleAttempt, toKnown } from '../relay/attempts.js';

export function createProviderActivities(db: Db, channels: Channels) {
  return {
    /** A hint that nobody signed: the channel itself is asked. @returns the inbox row when it is paid */
    async askChannel(input: {
      orderNo: string;
      channel: ProviderChannel;
      outTradeNo: string;
    }): Promise<number | null> {
      const [payment] = await db
        .select()
        .from(payments)
        .where(
          and(
            eq(payments.orderNo, input.orderNo),
            eq(payments.outTradeNo, input.outTradeNo),
            eq(payments.channel, input.channel),
          ),
        );
      if (payment === undefined) return null;
      const found = await channelNamed(channels, input.channel).query(toKnown(payment));
      return found.state === 'paid' ? insertAnswer(db, input.channel, found.payment) : null;
    },

    /** The last question before an order closes. @returns the inbox row when one of its attempts is paid */
    async settleAttempts({ orderNo }: { orderNo: string }): Promise<number | null> {
      const open = await db
        .select()
        .from(payments)
        .where(and(eq(payments.orderNo, orderNo), inArray(payments.status, ['creating', 'pending'])));
      for (const payment of open) {
        const inboxId = await settleAttempt(db, channels, payment);
        if (inboxId !== null) return inboxId;
      }
      return null;
    },
  };
}
