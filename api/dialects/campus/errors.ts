/** Errors as the document of `campus` has them: a number that says "failed", and a text for the payer. */
import type { ErrorCode, HoldfastError } from '../../../domain/errors.js';
import type { Answer } from '../../endpoint.js';
import { httpOf } from '../http.js';

const OTHER = '操作失败';
const BUSY = '系统繁忙,请稍后再试';

/** Codes that these three calls answer; what is not here is the rest. */
const TEXTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  invalid_request: '参数错误',
  invalid_amount: '金额错误',
  price_mismatch: '金额错误',
  unauthenticated: '未登录',
  forbidden: '无权操作',
  user_not_found: '用户不存在',
  missing_thing: '付款项不存在',
  order_not_found: '找不到付款记录',
  not_pending: '尚未支付',
  channel_not_configured: '支付渠道未开通',
  channel_refused: '支付渠道拒绝了请求',
  channel_unknown_outcome: BUSY,
  rate_limited: BUSY,
  unavailable: BUSY,
};

export function toCampusError(error: HoldfastError): Answer {
  // What went wrong on our side is for the log.
  const message = error.code === 'internal' ? BUSY : `${TEXTS[error.code] ?? OTHER}: ${error.message}`;
  return { ...httpOf(error), body: { error: 1, message } };
}
