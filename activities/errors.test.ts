import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode, HoldfastError } from '../domain/errors.js';
import { ACTION_NAMES } from '../domain/next-actions.js';
import { failureOf } from './errors.js';

/** What a failed statement looks like: it quotes its parameters. */
class DriverError extends Error {
  readonly code = '23505';
}

const permanent = (activity: string): ErrorCode[] =>
  ERROR_CODES.filter((code) => failureOf(new HoldfastError(code), activity).nonRetryable === true);

describe('what is worth another try', () => {
  it.each(ACTION_NAMES)('T2 %s parks for what another try cannot help, and for nothing else', (action) => {
    expect(permanent(action)).toEqual([
      'invalid_request',
      'invalid_amount',
      'invalid_next_action',
      'not_found',
      'order_not_found',
      'channel_not_configured',
      'user_not_found',
      'wrong_password',
      'insufficient_funds',
      'posting_conflict',
      'not_owner',
      'not_pending',
      'missing_thing',
      'missing_setting',
      'missing_parameter',
      'coupon_not_usable',
      'sold_out',
      'already_granted',
      'action_refused',
      'sms_unknown_outcome',
      'sms_refused',
    ]);
  });

  it.each(['receivePayment', 'releaseOrder', 'closeOrder', 'parkStep', 'askChannel', 'settleAttempts'])(
    'T6 %s never gives up: nobody else would move its order',
    (activity) => {
      expect(permanent(activity)).toEqual([]);
    },
  );

  it('is every error that is not ours, for a step too', () => {
    expect(failureOf(new DriverError('boom'), 'sendSms').nonRetryable).toBe(false);
    expect(failureOf('a word', 'sendSms').nonRetryable).toBe(false);
  });
});

describe('S4 a failure as it stands in a history', () => {
  it('has our code and our words', () => {
    const failure = failureOf(
      new HoldfastError('not_owner', { message: 'shop-orders/7 is not the payer’s' }),
      'sendSms',
    );
    expect([failure.type, failure.message, failure.details]).toEqual([
      'not_owner',
      'shop-orders/7 is not the payer’s',
      undefined,
    ]);
  });

  it('never has the words or the cause of somebody else’s error, which may quote what is secret', () => {
    const cause = new DriverError('Key (mobile)=(13500000000) already exists');
    const wrapped = new Error('insert into sms_outbox values 13500000000', { cause });
    for (const error of [cause, wrapped]) {
      const failure = failureOf(error, 'sendSms');
      expect(failure).toMatchObject({
        type: 'internal',
        message: 'failed with code 23505; the log says more',
      });
      expect(failure.cause).toBeUndefined();
      expect(JSON.stringify([failure.message, failure.details ?? null])).not.toContain('135');
    }
  });

  it('keeps nothing of a HoldfastError’s cause', () => {
    const error = new HoldfastError('insufficient_funds', { cause: new Error('user 13500000000') });
    expect(failureOf(error, 'payShopOrder').cause).toBeUndefined();
  });

  it('is left as it is when it is one already', () => {
    const failure = ApplicationFailure.nonRetryable('as it is', 'x');
    expect(failureOf(failure, 'sendSms')).toBe(failure);
  });
});
