/** What every refusal of the native API looks like. */
import { expect } from 'vitest';
import { PROBLEMS } from '../../api/v1/errors.js';
import type { TestAnswer } from '../../api/test-support.js';
import { isErrorCode } from '../../domain/errors.js';

/** A page, a stack's line, a path of ours, a database's own words: none of it is the caller's business. */
const LEAK =
  /<(?:!doctype|html|head|body|pre|title)\b|\\n\s+at |node_modules|\.ts:\d|file:\/\/|Failed query|syntax error at/i;

/**
 * Checks all that a refusal promises.
 * @returns `400 invalid_request`, to be compared with what is expected
 */
export function refusalOf(answer: TestAnswer): string {
  const { status, headers, json, text } = answer;
  expect(headers.get('content-type'), text.slice(0, 500)).toBe('application/problem+json');
  expect(text).not.toMatch(LEAK);
  const code = String(json['code']);
  if (!isErrorCode(code)) throw new Error(`an unknown code: ${text}`);
  expect(json).toMatchObject({ status, type: `urn:holdfast:problem:${code}`, title: PROBLEMS[code].title });
  expect(json['requestId']).toBe(headers.get('x-request-id'));
  expect(json['detail']).toEqual(expect.any(String));
  return `${status} ${code}`;
}

/** A refusal, or the bare status of what was accepted. */
export function outcomeOf(answer: TestAnswer): string {
  return answer.status >= 400 ? refusalOf(answer) : String(answer.status);
}
