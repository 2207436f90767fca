import type { ActivityExecuteInput } from '@temporalio/worker';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { heartbeatInterceptor } from './heartbeat.js';

const INPUT: ActivityExecuteInput = { args: [], headers: {} };

/** An activity that runs until it is ended, and how often it was said to live. */
function running(heartbeatTimeoutMs: number | undefined, ending: 'well' | 'badly' = 'well') {
  const heartbeat = vi.fn();
  let end: () => void = () => undefined;
  const activity = new Promise<string>((resolve, reject) => {
    end = () => (ending === 'well' ? resolve('done') : reject(new Error('it failed')));
  });
  const context = { info: { heartbeatTimeoutMs }, heartbeat } as unknown as Parameters<
    typeof heartbeatInterceptor
  >[0];
  const result = heartbeatInterceptor(context).execute?.(INPUT, () => activity);
  return { heartbeat, result, end };
}

describe('T5: an activity', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('says several times before its time is over that its worker lives, and no more once it has ended', async () => {
    const { heartbeat, result, end } = running(10_000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(heartbeat.mock.calls.length).toBeGreaterThanOrEqual(3);
    end();
    expect(await result).toBe('done');
    const beats = heartbeat.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heartbeat).toHaveBeenCalledTimes(beats);
  });

  it('says no more once it has failed', async () => {
    const { heartbeat, result, end } = running(10_000, 'badly');
    end();
    await expect(result).rejects.toThrow('it failed');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heartbeat).not.toHaveBeenCalled();
  });

  it.each([undefined, 0])('says nothing where nobody listens: %j', async (timeout) => {
    const { heartbeat, result, end } = running(timeout);
    await vi.advanceTimersByTimeAsync(60_000);
    end();
    expect(await result).toBe('done');
    expect(heartbeat).not.toHaveBeenCalled();
  });
});
