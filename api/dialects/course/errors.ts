/** Errors as the document of `course` numbers them (wire.md, section 3). */
import { type ErrorCode, HoldfastError } from '../../../domain/errors.js';
import type { Answer } from '../../endpoint.js';
import { httpOf } from '../http.js';

/** The document has the fourth; the others were left open by it. */
export const COURSE_TEXTS = {
  1: '没有登录',
  3: '没有权限',
  4: '缺少订购内容参数',
  5: '订单不存在',
  6: '课程不存在',
  7: '金额不符',
  9: '请稍后再试',
} as const;
export type CourseCode = keyof typeof COURSE_TEXTS;

/** What is not here is wrong with what was sent. */
const CODES: Readonly<Partial<Record<ErrorCode, CourseCode>>> = {
  unauthenticated: 1,
  forbidden: 3,
  order_not_found: 5,
  missing_thing: 6,
  user_not_found: 6,
  price_mismatch: 7,
  conflict: 9,
  rate_limited: 9,
  unavailable: 9,
  internal: 9,
  channel_unknown_outcome: 9,
};

const WRONG = '参数错误';

function textOf(error: HoldfastError, code: CourseCode): string {
  // What went wrong on our side is for the log.
  if (error.code === 'internal') return COURSE_TEXTS[9];
  if (code !== 4) return `${COURSE_TEXTS[code]}: ${error.message}`;
  return error.details['field'] === 'album_id' && error.details['problem'] === 'missing'
    ? COURSE_TEXTS[4]
    : `${WRONG}: ${error.message}`;
}

export function toCourseError(error: HoldfastError): Answer {
  const code = CODES[error.code] ?? 4;
  return { ...httpOf(error), body: { code, err_desc: textOf(error, code) } };
}
