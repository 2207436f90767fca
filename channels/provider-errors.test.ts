import { afterEach, describe, expect, it, vi } from 'vitest';
import { channelRefused, notificationRefused, unknownOutcome, withDeadline } from './provider-errors.js';

afterEach(() => {
  vi.useRealTimers();
});

describe('errors of a provider', () => {
  it('S4: keeps requests, signatures and payers out of the cause', () => {
    const cause = Object.assign(
      new Error("bad answer from https://gateway.test/?sign=AbC, sign: 'SECRET', validateStr: 'openid'"),
      { code: 'ERR_BAD', config: { headers: { Authorization: 'signature="SECRET"' } } },
    );
    const error = unknownOutcome({ channel: 'alipay', operation: 'alipay.trade.query' }, cause);
    expect(error.code).toBe('channel_unknown_outcome');
    expect(error.cause).toBeInstanceOf(Error);
    expect(String(error.cause)).toBe('Error: Error ERR_BAD: bad answer from <url> ');
    expect(Object.keys(error.cause as Error)).toEqual([]);
  });

  it('names a refusal by the code of the provider', () => {
    const error = channelRefused({
      channel: 'wechat',
      operation: 'v3/pay/transactions/native',
      providerCode: 'PARAM_ERROR',
      providerMessage: '参'.repeat(500),
      httpStatus: 400,
    });
    expect(error.code).toBe('channel_refused');
    expect(error.details).toEqual({
      channel: 'wechat',
      operation: 'v3/pay/transactions/native',
      providerCode: 'PARAM_ERROR',
      providerMessage: '参'.repeat(80),
      httpStatus: 400,
    });
  });

  it('refuses a notification by a reason of a closed list', () => {
    const error = notificationRefused('wechat', 'signature_probe');
    expect(error.code).toBe('notification_refused');
    expect(error.details).toEqual({ channel: 'wechat', reason: 'signature_probe' });
  });
});

describe('withDeadline', () => {
  it('gives up on a call that never ends', async () => {
    vi.useFakeTimers();
    const call = withDeadline(new Promise(() => {}), 5_000);
    const outcome = expect(call).rejects.toThrow('no answer within 5000 ms');
    await vi.advanceTimersByTimeAsync(5_000);
    await outcome;
  });

  it('leaves no timer behind a call that ends, well or not', async () => {
    vi.useFakeTimers();
    await expect(withDeadline(Promise.resolve('done'), 5_000)).resolves.toBe('done');
    await expect(withDeadline(Promise.reject(new Error('broken')), 5_000)).rejects.toThrow('broken');
    expect(vi.getTimerCount()).toBe(0);
  });
});
