import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import type { Channel, GatewayContext, SmsProvider } from '../gateway.js';
import type { CallFault, Operation } from '../notify/faults.js';

/** How a gateway serves one verified call to its API. */
export interface Call<Answer> {
  readonly channel: Channel | SmsProvider;
  readonly operation: Operation;
  /** Does what was asked and says how it is answered. Runs without a pause, so that calls do not mix. */
  readonly apply: () => Answer;
  /** The provider's "try again" answer, when it does nothing. */
  readonly busy: () => Answer;
  /** The provider's refusal of a payout that the merchant's balance does not cover; for those calls only. */
  readonly poor?: () => Answer;
  /** The refusal of a bill that is not made yet; for those calls only. */
  readonly notReady?: () => Answer;
  /** The refusal of a message for business reasons, with this code; for those calls only. */
  readonly refused?: (code: string) => Answer;
  readonly send: (answer: Answer) => void;
}

/** Serves a call under the faults in force. Nothing is answered before its effect is on disk. */
export async function serveCall<Answer>(
  context: Pick<GatewayContext, 'faults' | 'store'>,
  res: Response,
  call: Call<Answer>,
): Promise<void> {
  const fault = context.faults.takeForCall(call.channel, call.operation);
  const answer = answerTo(call, fault);
  await context.store.commit();
  // The unknown outcome: applied, and the caller is left waiting until it gives up.
  if (fault.requestTimeout && !fault.fails) return;
  if (fault.hangMs > 0) await pause(fault.hangMs, res);
  if (!res.destroyed) call.send(answer);
}

function answerTo<Answer>(call: Call<Answer>, fault: CallFault): Answer {
  if (fault.fails) return call.busy();
  if (fault.lowBalance && call.poor) return call.poor();
  if (fault.billNotReady && call.notReady) return call.notReady();
  if (fault.refuse !== null && call.refused) return call.refused(fault.refuse);
  return call.apply();
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

/** Sends a file that was asked for, under the faults in force: `requestTimeout` sends its beginning and no more. */
export async function serveDownload(
  context: Pick<GatewayContext, 'faults' | 'store'>,
  res: Response,
  channel: Channel,
  file: Readable,
): Promise<void> {
  const fault = context.faults.takeForCall(channel, 'billDownload');
  await context.store.commit();
  if (fault.hangMs > 0) await pause(fault.hangMs, res);
  if (res.destroyed) {
    file.destroy();
    return;
  }
  if (fault.fails) {
    file.destroy();
    res.status(502).type('text').send('Bad gateway\n');
    return;
  }
  if (fault.requestTimeout) {
    for await (const part of file) {
      res.write((part as Buffer).subarray(0, 64));
      return;
    }
  }
  try {
    await pipeline(file, res);
  } catch (error) {
    // A caller who has gone away is no fault of ours.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'))
      throw error;
  }
}
