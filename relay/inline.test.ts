import type { Client } from '@temporalio/client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Db } from '../db/client.js';
import { createInline } from './inline.js';

const AT_ONCE = 6;
const WAITING = 50;

/** A Temporal whose every answer is given by hand. */
function temporalByHand() {
  const signalled: string[] = [];
  const open: { answer: () => void; fail: (error: Error) => void }[] = [];
  const signal = (workflowId: string): Promise<void> => {
    signalled.push(workflowId);
    return new Promise((answer, fail) => open.push({ answer, fail }));
  };
  const client = {
    connection: { withDeadline: (_deadline: number, call: () => Promise<void>) => call() },
    workflow: { getHandle: (workflowId: string) => ({ signal: () => signal(workflowId) }) },
  };
  const warnings: string[] = [];
  // No database: a payment whose order is known needs none.
  const inline = createInline({} as Db, client as unknown as Client, {
    warn: (_facts, message) => void warnings.push(message),
  });
  const pay = (count: number): void => {
    for (let index = 0; index < count; index++) inline.payment(index, String(index));
  };
  return { inline, pay, signalled, warnings, open };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

afterEach(() => vi.useRealTimers());

describe('inline attempts', () => {
  it('are a few at once, and the others follow in turn', async () => {
    const { pay, signalled, open } = temporalByHand();
    pay(10);
    expect(signalled).toHaveLength(AT_ONCE);
    open[0]?.answer();
    await turn();
    expect(signalled).toEqual(['0', '1', '2', '3', '4', '5', '6'].map((no) => `order/${no}`));
  });

  it('have no room for more than can be made soon, and say so', () => {
    const { inline, pay } = temporalByHand();
    pay(AT_ONCE + WAITING - 1);
    expect(inline.hasRoom()).toBe(true);
    pay(1);
    expect(inline.hasRoom()).toBe(false);
  });

  it('are all over when they are waited for', async () => {
    const { inline, pay, signalled, open } = temporalByHand();
    pay(8);
    const drained = inline.drain();
    while (open.length > 0) {
      open.shift()?.answer();
      await turn();
    }
    await drained;
    expect(signalled).toHaveLength(8);
  });

  it('are left to the relay after a failure, those that wait too', async () => {
    const { inline, pay, signalled, warnings, open } = temporalByHand();
    pay(10);
    open[0]?.fail(new Error('no Temporal'));
    await turn();
    expect(inline.hasRoom()).toBe(false);
    for (const { answer } of open) answer();
    await inline.drain();
    expect(signalled).toHaveLength(AT_ONCE);
    expect(warnings).toEqual(['a payment is left to the relay']);
  });

  it('are not made when they have waited so long that the relay makes them', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { inline, pay, signalled, open } = temporalByHand();
    pay(10);
    vi.setSystemTime(Date.now() + 8_001);
    for (const { answer } of open) answer();
    await inline.drain();
    expect(signalled).toHaveLength(AT_ONCE);
    expect(inline.hasRoom()).toBe(true);
  });
});
