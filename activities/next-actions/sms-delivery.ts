/**
 * A message's way to its provider, at most once: its row says `sending` before anything is posted, and from there on
 * only the provider's own word lets it be posted again (promise T1).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Posted, SmsProvider, SmsState } from '../../channels/sms.js';
import { crashPoint } from '../../crash-points.js';
import type { Db } from '../../db/client.js';
import { HoldfastError } from '../../domain/errors.js';
import { type NewSms, type SmsRow, moveSms, openSmsOf } from './sms-rows.js';

/** For how long a question without an answer is repeated. */
const ASKED_FOR_MS = 10 * 60_000;

/**
 * Returns once the provider has the message.
 * @throws HoldfastError `sms_refused`, `sms_unknown_outcome`: both park the step. `unavailable`,
 * `channel_unknown_outcome`: another try may help
 */
export async function deliverSms(db: Db, provider: SmsProvider, row: SmsRow): Promise<void> {
  switch (row.status) {
    case 'sent':
      return;
    case 'queued':
      return post(db, provider, row);
    case 'sending':
      return ask(db, provider, row);
    case 'failed':
      throw refused(row, row.error?.code ?? 'no code');
    case 'unknown':
    default:
      throw outcomeUnknown(row);
  }
}

async function post(db: Db, provider: SmsProvider, row: SmsRow): Promise<void> {
  const claimed = await moveSms(db, row, {
    status: 'sending',
    attempts: row.attempts + 1,
    triedAt: new Date(),
    error: null,
  });
  if (claimed === undefined) throw notNow(row, 'another try is at it');
  crashPoint('sms: before the provider');
  const posted = await provider.send(claimed);
  crashPoint('sms: provider has it');
  await record(db, claimed, posted);
}

async function record(db: Db, row: SmsRow, posted: Posted): Promise<void> {
  if (posted.state === 'sent') {
    await recordSent(db, row, posted.providerMessageId);
    return;
  }
  const { code, message } = posted;
  const status = posted.state === 'later' ? 'queued' : 'failed';
  await moveSms(db, row, { status, error: { code, message } });
  throw status === 'queued' ? notNow(row, code) : refused(row, code);
}

async function recordSent(db: Db, row: SmsRow, providerMessageId: string | null): Promise<void> {
  const sent = { status: 'sent', providerMessageId, sentAt: new Date(), error: null } as const;
  // Another try may have given up on this one meanwhile; what the provider says stands.
  if ((await moveSms(db, row, sent)) === undefined) await moveSms(db, { ...row, status: 'unknown' }, sent);
  crashPoint('sms: recorded');
}

/** It may have been posted: the provider is asked, and as long as it may not show the message yet, asked again. */
async function ask(db: Db, provider: SmsProvider, row: SmsRow): Promise<void> {
  const postedAt = row.triedAt ?? row.createdAt;
  const sinceMs = Date.now() - postedAt.getTime();
  const found = await answerOf(provider, row, postedAt, sinceMs >= ASKED_FOR_MS);
  if (found.state === 'sent') {
    await recordSent(db, row, found.providerMessageId);
    return;
  }
  if (found.state === 'failed') return record(db, row, { state: 'refused', code: found.code, message: '' });
  if (sinceMs < provider.showsWithinMs) {
    throw new HoldfastError('channel_unknown_outcome', {
      message: `${row.provider} does not show the message yet`,
    });
  }
  await moveSms(db, row, { status: 'unknown' });
  throw outcomeUnknown(row);
}

async function answerOf(
  provider: SmsProvider,
  row: SmsRow,
  postedAt: Date,
  isOverdue: boolean,
): Promise<SmsState> {
  try {
    return await provider.query(row, postedAt);
  } catch (error) {
    if (isOverdue) return { state: 'unknown' };
    throw error;
  }
}

/**
 * A person has a message sent again whose outcome was unknown. By now its provider may show the first one: then that
 * is it, unless it is another message that is wanted.
 */
export async function wasSentAfterAll(db: Db, provider: SmsProvider, wanted: NewSms): Promise<boolean> {
  for (const row of (await openSmsOf(db, wanted)).filter((one) => isSameMessage(one, wanted))) {
    const found = await provider.query(row, row.triedAt ?? row.createdAt);
    if (found.state === 'sent') {
      await recordSent(db, row, found.providerMessageId);
      return true;
    }
    await moveSms(db, row, { status: found.state });
  }
  return false;
}

function isSameMessage(row: SmsRow, { provider, mobile, sign, template, params }: NewSms): boolean {
  return isDeepStrictEqual(
    [row.provider, row.mobile, row.sign, row.template, row.params],
    [provider, mobile, sign, template, params],
  );
}

function refused({ provider }: SmsRow, code: string): HoldfastError {
  return new HoldfastError('sms_refused', {
    message: `${provider} refused the message: ${code}`,
    details: { provider, providerCode: code },
  });
}

function notNow({ provider }: SmsRow, code: string): HoldfastError {
  return new HoldfastError('unavailable', { message: `${provider} does not take the message now: ${code}` });
}

function outcomeUnknown({ provider }: SmsRow): HoldfastError {
  return new HoldfastError('sms_unknown_outcome', {
    message: `whether ${provider} sent the message is not known; a retry asks once more, and then sends it again`,
    details: { provider },
  });
}
