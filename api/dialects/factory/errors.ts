/** Errors as the platform of `factory` numbers them (wire.md, section 4). */
import type { ErrorCode, HoldfastError } from '../../../domain/errors.js';
import { fen, toYuanNumber } from '../../../domain/money.js';
import type { Answer } from '../../endpoint.js';
import { httpOf } from '../http.js';

export const FACTORY_TEXTS = {
  500: '系统繁忙, 请稍后再试',
  700: '暂无数据',
  2000: '未登录',
  10000: '参数错误',
  20000: '金额不符合要求',
  40000: '余额不足',
} as const;
export type FactoryCode = keyof typeof FACTORY_TEXTS;

/** What is not here is wrong with what was sent. */
const CODES: Readonly<Partial<Record<ErrorCode, FactoryCode>>> = {
  unauthenticated: 2000,
  forbidden: 2000,
  not_found: 700,
  order_not_found: 700,
  deposit_not_found: 700,
  withdrawal_not_found: 700,
  missing_thing: 700,
  // Whose it is says already that it is there.
  not_owner: 700,
  invalid_amount: 20000,
  withdrawal_limit: 20000,
  insufficient_funds: 40000,
  already_spent: 40000,
  channel_refused: 500,
  channel_unknown_outcome: 500,
  unavailable: 500,
  internal: 500,
};

/** What is missing, in yuan, where it is known. */
function missingOf({ details: { missing } }: HoldfastError): { data?: number } {
  return typeof missing === 'number' ? { data: toYuanNumber(fen(missing)) } : {};
}

export function toFactoryError(error: HoldfastError): Answer {
  const code = CODES[error.code] ?? 10_000;
  const text = FACTORY_TEXTS[code];
  // What went wrong on our side is for the log, and what is not the caller's is not there.
  const isPlain = code === 500 || code === 700 || code === 2000;
  const msg = isPlain ? text : `${text}: ${error.message}`;
  return { ...httpOf(error), body: { code, msg, ...(code === 40_000 && missingOf(error)) } };
}
