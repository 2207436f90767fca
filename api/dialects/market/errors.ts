/** Errors as the document of `market` numbers them (wire.md, section 1). */
import type { ErrorCode, HoldfastError } from '../../../domain/errors.js';
import type { Answer } from '../../endpoint.js';
import { httpOf } from '../http.js';

/** The document's own list. */
export const MARKET_TEXTS = {
  0: '未知错误',
  2: '参数错误',
  4: '支付密码错误',
  6: '找不到此订单',
  7: '此人不存在',
  8: '缺少收款人或用户余额不足',
  10: '用户余额不足',
  12: '参数类型错误',
} as const;
export type MarketCode = keyof typeof MARKET_TEXTS;

const CODES = {
  invalid_request: 2,
  invalid_amount: 2,
  invalid_next_action: 2,
  unauthenticated: 2,
  forbidden: 2,
  not_found: 2,
  method_not_allowed: 2,
  conflict: 2,
  idempotency_conflict: 2,
  idempotency_in_progress: 2,
  payload_too_large: 2,
  rate_limited: 2,
  unavailable: 0,
  internal: 0,
  order_not_found: 6,
  order_not_payable: 2,
  order_not_confirmable: 2,
  order_not_cancellable: 2,
  order_already_paid: 2,
  price_mismatch: 2,
  channel_not_configured: 2,
  channel_refused: 0,
  channel_unknown_outcome: 0,
  scene_not_supported: 2,
  notification_refused: 2,
  bill_not_ready: 0,
  user_not_found: 7,
  wrong_password: 4,
  password_locked: 4,
  password_not_set: 4,
  insufficient_funds: 10,
  refund_not_found: 2,
  refund_not_possible: 2,
  refund_decided: 2,
  already_spent: 10,
  withdrawal_not_found: 6,
  withdrawal_limit: 2,
  withdrawal_decided: 2,
  another_operator_needed: 2,
  payout_account_not_set: 2,
  deposit_not_found: 2,
  posting_conflict: 2,
  state_conflict: 2,
  step_not_found: 2,
  step_not_parked: 2,
  not_owner: 2,
  not_pending: 2,
  missing_thing: 2,
  missing_setting: 0,
  missing_parameter: 2,
  coupon_not_usable: 2,
  sold_out: 2,
  already_granted: 2,
  action_refused: 2,
  sms_unknown_outcome: 0,
  sms_refused: 0,
} as const satisfies Record<ErrorCode, MarketCode>;

export interface MarketFailure {
  success: false;
  code: MarketCode;
  msg: string;
  /** `applyRefund` alone. */
  error?: string;
}

function codeOf({ code, details }: HoldfastError): MarketCode {
  if (code !== 'invalid_request') return CODES[code];
  if (details['field'] === 'receiverId' && details['problem'] === 'missing') return 8;
  return details['problem'] === 'type' ? 12 : 2;
}

/** Codes whose text alone does not say what is wrong. */
function textOf(error: HoldfastError, code: MarketCode): string {
  // What went wrong on our side is for the log.
  if (error.code === 'internal') return MARKET_TEXTS[0];
  if (error.code === 'password_locked') {
    const seconds = Number(error.details['retryAfterSeconds'] ?? 0);
    return `${MARKET_TEXTS[4]}, 请${Math.max(1, Math.ceil(seconds / 60))}分钟后再试`;
  }
  if (code === 0 || code === 2 || code === 12) return `${MARKET_TEXTS[code]}: ${error.message}`;
  return MARKET_TEXTS[code];
}

export function toMarketFailure(error: HoldfastError): MarketFailure {
  const code = codeOf(error);
  return { success: false, code, msg: textOf(error, code) };
}

export function toMarketError(error: HoldfastError): Answer {
  return { ...httpOf(error), body: toMarketFailure(error) };
}
