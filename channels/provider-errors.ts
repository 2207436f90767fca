/** How a channel fails: the one place where a provider's refusal, silence or forgery becomes an error of ours. */
import type { ByScene, ProviderChannel, Scene } from '../domain/order.js';
import { HoldfastError } from '../domain/errors.js';
import { cutText } from './text.js';

// One call of a provider, from its first byte to its last.
export const DEFAULT_TIMEOUT_MS = 5_000;
const LONGEST_CAUSE = 200;
// Alipay's longer messages quote the whole request, payer's id included; the first words say what is wrong.
const LONGEST_PROVIDER_MESSAGE = 80;

export interface ProviderFacts {
  channel: ProviderChannel | 'aliyun' | 'tencent';
  /** The provider's name of the call, such as `alipay.trade.query`. */
  operation: string;
  /** The provider's own code, such as `ACQ.TRADE_HAS_CLOSE`. */
  providerCode?: string | undefined;
  providerMessage?: string | undefined;
  httpStatus?: number | undefined;
}

/** The provider said no, for good: the same call would be refused again. */
export function channelRefused(facts: ProviderFacts): HoldfastError {
  return new HoldfastError('channel_refused', {
    message: `${facts.channel} refused ${facts.operation}: ${facts.providerCode ?? 'no code'}`,
    details: toDetails(facts),
  });
}

/**
 * Nobody knows what the provider did: a time-out, a server error, or an answer that cannot be trusted. The
 * same call with the same number is safe, a new number is not (promise T1).
 */
export function unknownOutcome(facts: ProviderFacts, cause?: unknown): HoldfastError {
  return new HoldfastError('channel_unknown_outcome', {
    message: `the outcome of ${facts.operation} at ${facts.channel} is unknown`,
    details: toDetails(facts),
    ...(cause === undefined ? {} : { cause: withoutPayload(cause) }),
  });
}

/** The caller left out what this scene cannot do without. */
export function missingField(
  channel: ProviderChannel,
  scene: Scene,
  field: 'openid' | 'clientIp' | 'returnUrl',
): HoldfastError {
  return new HoldfastError('invalid_request', {
    message: `${channel}: a payment of scene ${scene} needs ${field}`,
    details: { path: field },
  });
}

/** @throws HoldfastError `scene_not_supported` */
export function wayOf<Way>(channel: ProviderChannel, ways: ByScene<Way>, scene: Scene): Way {
  const way = ways[scene];
  if (way !== undefined) return way;
  throw new HoldfastError('scene_not_supported', {
    message: `${channel} has the scenes ${Object.keys(ways).join(', ')}`,
    details: { channel, scene },
  });
}

export type RefusalReason =
  | 'malformed'
  | 'duplicate_parameter'
  | 'ambiguous_parameter'
  | 'headers_missing'
  | 'signature_type'
  | 'stale'
  | 'unknown_serial'
  /** WeChat Pay sends wrong signatures on purpose, to see that they are refused: no attack. */
  | 'signature_probe'
  | 'signature'
  | 'decryption'
  | 'not_a_notification';

/** Unverified means no effect (promise W2). `details.reason` is one of a closed list, fit for a metric's label. */
export function notificationRefused(
  channel: ProviderChannel,
  reason: RefusalReason,
  cause?: unknown,
): HoldfastError {
  return new HoldfastError('notification_refused', {
    message: `a notification for ${channel} was refused: ${reason.replaceAll('_', ' ')}`,
    details: { channel, reason },
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Waits for a call no longer than its deadline. The client libraries bound each phase of a request, so that an
 * answer that trickles in could take for ever.
 */
export async function withDeadline<T>(call: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([call, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The client libraries hang whole requests on their errors: signatures, payers' ids, answers. None of it may
 * reach a log or a Temporal failure (promise S4), so the cause keeps only what names the failure.
 */
function withoutPayload(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('a value that is no error was thrown');
  const text = error.message
    .replaceAll(/https?:\/\/\S+/g, '<url>')
    .replace(/\bsign(ature)?[:=].*/s, '')
    .slice(0, LONGEST_CAUSE);
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return new Error(`${error.name}${code}: ${text}`);
}

function toDetails(facts: ProviderFacts): Record<string, string | number> {
  const { channel, operation, providerCode, providerMessage, httpStatus } = facts;
  return {
    channel,
    operation,
    ...(providerCode === undefined ? {} : { providerCode }),
    ...(providerMessage === undefined
      ? {}
      : { providerMessage: cutText(providerMessage, LONGEST_PROVIDER_MESSAGE) }),
    ...(httpStatus === undefined ? {} : { httpStatus }),
  };
}
