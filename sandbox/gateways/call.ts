import type { Response } from 'express';
import type { Channel, GatewayContext } from '../gateway.js';
import type { Operation } from '../notify/faults.js';

/** How a gateway serves one verified call to its API. */
export interface Call<Answer> {
  readonly channel: Channel;
  readonly operation: Operation;
  /** Does what was asked and says how it is answered. Runs without a pause, so that calls do not mix. */
  readonly apply: () => Answer;
  /** The provider's "try again" answer, when it does nothing. */
  readonly busy: () => Answer;
  readonly send: (answer: Answer) => void;
}

/** Serves a call under the faults in force. Nothing is answered before its effect is on disk. */
export async function serveCall<Answer>(
  context: GatewayContext,
  res: Response,
  call: Call<Answer>,
): Promise<void> {
  const fault = context.faults.takeForCall(call.channel, call.operation);
  const answer = fault.fails ? call.busy() : call.apply();
  await context.store.commit();
  // The unknown outcome: applied, and the caller is left waiting until it gives up.
  if (fault.requestTimeout && !fault.fails) return;
  if (fault.hangMs > 0) await pause(fault.hangMs, res);
  if (!res.destroyed) call.send(answer);
}

/** Waits, but no longer than the caller does. */
function pause(ms: number, res: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      res.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    res.on('close', done);
  });
}
