import type { GatewayContext } from '../../gateway.js';
import { StripeRefusal, type StripeAnswer } from './refusal.js';

const KEPT_MS = 24 * 3_600_000;

/** What Stripe remembers of a call that carried an idempotency key. */
export interface RememberedAnswer {
  readonly fingerprint: string;
  readonly answer: StripeAnswer;
  /** Epoch ms of provider time. */
  readonly at: number;
}

/**
 * Carries a call out once per key: the same call again within 24 h is answered as before, word for word.
 * @throws StripeRefusal `idempotency_error` when the key comes with another call
 */
export function once(
  context: GatewayContext,
  key: string | undefined,
  fingerprint: string,
  run: () => StripeAnswer,
): StripeAnswer {
  if (key === undefined) return run();
  const { idempotency } = context.store;
  const known = idempotency.get(key);
  if (known && context.now() - known.at < KEPT_MS) {
    if (known.fingerprint === fingerprint) return { ...known.answer, replayed: true };
    throw new StripeRefusal(
      400,
      `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      { type: 'idempotency_error' },
    );
  }
  const remember = (answer: StripeAnswer): StripeAnswer => {
    idempotency.set(key, { fingerprint, answer, at: context.now() });
    return answer;
  };
  try {
    return remember(run());
  } catch (error) {
    // What fails before it is carried out, such as a wrong parameter, is not remembered.
    if (!(error instanceof StripeRefusal) || !error.executed) throw error;
    return remember(error.toAnswer());
  }
}
