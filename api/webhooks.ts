/** Providers' notifications: verify on the raw bytes, insert, commit, answer; then take it to its order. */
import { lt, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Acknowledgement } from '../channels/channel.js';
import { type Channels, channelNamed } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { insertEvent } from '../db/inbox.js';
import { refusedNotifications } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import type { ProviderChannel } from '../domain/order.js';
import { everybody } from './access.js';
import { type Answer, type Context, type Endpoint, endpoint, rawBytes } from './endpoint.js';

const KEPT_SAMPLES = 100;
const SAMPLE_BYTES = 4_096;

/** Kept as evidence: the last 100, so that nobody can fill the disk (promise W2). */
async function keepSample(db: Db, channel: string, reason: string, body: Buffer): Promise<void> {
  const text = body.subarray(0, SAMPLE_BYTES).toString('utf8').replaceAll('\u0000', '\uFFFD');
  const [kept] = await db
    .insert(refusedNotifications)
    .values({ channel, reason, body: text })
    .returning({ id: refusedNotifications.id });
  if (kept !== undefined) {
    await db
      .delete(refusedNotifications)
      .where(lt(refusedNotifications.id, sql`${kept.id} - ${KEPT_SAMPLES - 1}`));
  }
}

async function take(context: Context, name: ProviderChannel, body: Buffer): Promise<void> {
  const { db, channels, commands, metrics } = context.services;
  const receivedAt = new Date();
  const notification = channelNamed(channels, name).verifyNotification({
    body,
    headers: context.headers,
    receivedAt,
  });
  const { id, fresh } = await insertEvent(db, {
    channel: name,
    source: 'notification',
    eventKey: notification.eventKey,
    outTradeNo: notification.outTradeNo,
    facts: notification.facts,
    receivedAt,
    payment: notification.kind === 'paid' ? notification.payment : null,
  });
  metrics.notifications.inc({ channel: name, verdict: notification.kind });
  if (fresh && notification.kind === 'paid') commands.inline.payment(id);
}

/** A failure is answered in the provider's own form, so that it sends again. */
function failureOf(channels: Channels, name: ProviderChannel, error: HoldfastError): Answer {
  const refused = error.code === 'notification_refused';
  const failure: Acknowledgement = channels[name]?.acknowledgement.failure ?? {
    status: 503,
    contentType: 'text/plain',
    body: 'fail',
  };
  return {
    status: refused ? failure.status : 503,
    contentType: failure.contentType,
    body: failure.body,
    ...(!refused && { headers: { 'retry-after': '5' } }),
  };
}

export function webhookEndpoint(channels: Channels, name: ProviderChannel): Endpoint {
  const success = channels[name]?.acknowledgement.success;
  return endpoint({
    method: 'post',
    path: `/webhooks/${name}`,
    access: everybody,
    tag: 'webhooks',
    summary: `Notifications of ${name}`,
    description: "In the provider's own form; its signature is the credential.",
    body: rawBytes,
    unlimited: true,
    responses: {
      200: {
        description: 'Verified and kept.',
        schema: z.string(),
        contentType: success?.contentType ?? 'text/plain',
      },
    },
    errors: ['notification_refused', 'channel_not_configured'],
    answerError: (error) => failureOf(channels, name, error),
    handler: async (context, { body }) => {
      try {
        await take(context, name, body);
      } catch (error) {
        if (error instanceof HoldfastError && error.code === 'notification_refused') {
          const reason = String(error.details['reason'] ?? 'unverified');
          context.services.metrics.notifications.inc({ channel: name, verdict: 'refused' });
          context.log.warn({ channel: name, reason }, 'a notification was refused');
          await keepSample(context.services.db, name, reason, body);
        }
        throw error;
      }
      return { status: 200, body: success?.body ?? '' };
    },
  });
}
