import { describe, expect, it, vi } from 'vitest';
import { HoldfastError } from '../domain/errors.js';
import { OVERTAKEN } from '../workflows/contract.js';
import { unlessBehind } from './behind.js';

const refusal = (message = 'a deal that is unpaid cannot be confirmed'): HoldfastError =>
  new HoldfastError('order_not_confirmable', { message });

const possible = (): Promise<boolean> => Promise.resolve(true);

describe('T4 a wish that the order’s workflow refuses', () => {
  it('is given again where PostgreSQL is ahead, and is taken as soon as the workflow has caught up', async () => {
    const take = vi.fn<() => Promise<boolean>>();
    take.mockRejectedValueOnce(refusal()).mockRejectedValueOnce(refusal()).mockResolvedValue(true);
    expect(await unlessBehind(take, 'order_not_confirmable', possible)).toBe(true);
    expect(take).toHaveBeenCalledTimes(3);
  });

  it('is refused where PostgreSQL says the same', async () => {
    const take = vi.fn(() => Promise.reject(refusal()));
    const asked = unlessBehind(take, 'order_not_confirmable', () => Promise.resolve(false));
    await expect(asked).rejects.toThrow('cannot be confirmed');
    expect(take).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['for a reason that holds before PostgreSQL shows it', refusal(OVERTAKEN)],
    ['for another reason', new HoldfastError('already_spent', { message: 'spent' })],
  ])('is refused %s', async (_, error) => {
    const take = vi.fn(() => Promise.reject(error));
    await expect(unlessBehind(take, 'order_not_confirmable', possible)).rejects.toBe(error);
    expect(take).toHaveBeenCalledTimes(1);
  });

  it('is told to be repeated where the workflow stays behind', async () => {
    const asked = unlessBehind(() => Promise.reject(refusal()), 'order_not_confirmable', possible);
    await expect(asked).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('repeat the call') as string,
    });
  });
});
