/** Providers' notifications: verify on the raw bytes, insert, commit, answer; then take it to its order. */
import { lte } from 'drizzle-orm';
import type express from 'express';
import { crashPoint } from '../crash-points.js';
import type { Acknowledgement } from '../channels/channel.js';
import { type Channels, channelNamed } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { noteDispute } from '../db/chargebacks.js';
import { insertEvent } from '../db/inbox.js';
import { askOnceMore } from '../db/withdrawals.js';
import { refusedNotifications } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import type { ProviderChannel } from '../domain/order.js';
import { everybody } from './access.js';
import {
  type Answer,
  type Context,
  type Endpoint,
  type Headers,
  type Responses,
  endpoint,
  rawBytes,
} from './endpoint.js';

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
    await db.delete(refusedNotifications).where(lte(refusedNotifications.id, kept.id - KEPT_SAMPLES));
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
  crashPoint('notification: verified');
  // A payout that was paid has no workflow left to be told, so this is kept before the provider hears "success".
  if (notification.kind === 'payout') await askOnceMore(db, notification.payoutNo);
  // A dispute has no workflow at all: a person decides about it.
  if (notification.kind === 'dispute') await noteDispute(db, { channel: name, ...notification.dispute });
  const event = {
    channel: name,
    source: 'notification' as const,
    eventKey: notification.eventKey,
    outTradeNo: notification.outTradeNo,
    facts: notification.facts,
    receivedAt,
    payment: notification.kind === 'paid' ? notification.payment : null,
  };
  const { id, fresh, unpaidOrderNo } = await insertEvent(db, event, commands.inline.hasRoom());
  crashPoint('notification: committed');
  metrics.notifications.inc({ channel: name, verdict: notification.kind });
  if (fresh && notification.kind === 'paid') commands.inline.payment(id, unpaidOrderNo);
  // A hint alone: the refund's own workflow asks its provider.
  if (fresh && notification.kind === 'refund') commands.inline.refundHint(notification.refundNo);
  if (fresh && notification.kind === 'payout') commands.inline.payoutHint(notification.payoutNo);
}

/** Exactly the provider's own words: some compare them byte for byte. */
function inItsOwnForm({ status, contentType, body }: Acknowledgement, headers: Headers = {}) {
  return {
    status,
    headers: { ...headers, 'Content-Type': contentType },
    send: (_request: express.Request, response: express.Response): void => {
      response.end(body);
    },
  };
}

function failureWords(channels: Channels, name: ProviderChannel): Acknowledgement {
  return channels[name]?.acknowledgement.failure ?? { status: 503, contentType: 'text/plain', body: 'fail' };
}

/** A failure is answered so that the provider sends again. */
function failureOf(channels: Channels, name: ProviderChannel, error: HoldfastError): Answer {
  const failure = failureWords(channels, name);
  if (error.code === 'notification_refused' || error.code === 'invalid_request') return inItsOwnForm(failure);
  if (error.code === 'payload_too_large') return inItsOwnForm({ ...failure, status: 413 });
  return inItsOwnForm({ ...failure, status: 503 }, { 'Retry-After': '5' });
}

function failuresOf({ status, contentType }: Acknowledgement): Responses {
  return {
    [status]: { description: 'Not genuine, or not readable.', contentType },
    413: { description: 'Too large.', contentType },
    503: { description: 'Not configured, or not just now: it is to be sent again.', contentType },
  };
}

export function webhookEndpoint(channels: Channels, name: ProviderChannel): Endpoint {
  const success = channels[name]?.acknowledgement.success ?? {
    status: 200,
    contentType: 'text/plain',
    body: '',
  };
  return endpoint({
    method: 'post',
    path: `/webhooks/${name}`,
    access: everybody,
    tag: 'webhooks',
    summary: `Notifications of ${name}`,
    description: "In the provider's own form; its signature is the credential.",
    body: rawBytes,
    unlimited: true,
    responses: { 200: { description: 'Verified and kept.', contentType: success.contentType } },
    errors: ['notification_refused', 'channel_not_configured'],
    answerError: (error) => failureOf(channels, name, error),
    failures: failuresOf(failureWords(channels, name)),
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
      return { ...inItsOwnForm(success), status: 200 };
    },
  });
}
