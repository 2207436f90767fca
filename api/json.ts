/** Reads what callers send, as text, into values that are safe to walk, to count with and to store. */
import { HoldfastError } from '../domain/errors.js';
import { plainText } from '../domain/variables.js';

// Deep enough for ten nested actions with ten levels of template values, and far from what recursion can bear.
const MAX_DEPTH = 64;
const UNSAFE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
const LONE_SURROGATE = /\p{Surrogate}/u;

export type Place = 'body' | 'query' | 'path' | 'header';

/** Dialects have words of their own for what is missing and for what is of another type. */
export type Problem = 'missing' | 'type' | 'value';

/** The problem of one field: `amount: must be a whole number`. */
export function invalid(
  place: Place,
  field: string,
  message: string,
  problem: Problem = 'value',
): HoldfastError {
  return new HoldfastError('invalid_request', {
    message: field === '' ? `the ${place} ${message}` : `${field}: ${message}`,
    details: { in: place, field, problem },
  });
}

/** Counts brackets outside of strings, so that a deep text is refused before anything recurses into it. */
function tooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (inString) {
      if (character === 0x5c /* \ */) at++;
      else if (character === 0x22 /* " */) inString = false;
    } else if (character === 0x22) inString = true;
    else if (character === 0x5b /* [ */ || character === 0x7b /* { */) {
      if (++depth > MAX_DEPTH) return true;
    } else if (character === 0x5d /* ] */ || character === 0x7d /* } */) depth--;
  }
  return false;
}

/** @throws HoldfastError `invalid_request` */
export function parseJson(text: string): unknown {
  if (tooDeep(text)) throw invalid('body', '', `is nested deeper than ${MAX_DEPTH}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('body', '', 'is not valid JSON');
  }
  assertNames(value, 'body');
  assertNamedOnce(text);
  return value;
}

interface Level {
  /** Undefined in a list. */
  names: Set<string> | undefined;
  /** Where in this level the reading is: a name or an index. */
  at: string | number;
}

/**
 * A name that stands twice in one object is refused: of two amounts, what checked the request on its way here may
 * have read the other one (RFC 8259, section 4).
 * @param text valid JSON, so its marks can be trusted
 */
function assertNamedOnce(text: string): void {
  const levels: Level[] = [];
  const marks = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[[\]{},]/g;
  for (const [mark, colon] of text.matchAll(marks)) {
    const level = levels.at(-1);
    if (mark === '{') levels.push({ names: new Set(), at: '' });
    else if (mark === '[') levels.push({ names: undefined, at: 0 });
    else if (mark === '}' || mark === ']') levels.pop();
    else if (mark === ',') {
      if (typeof level?.at === 'number') level.at += 1;
    } else if (colon !== undefined && level?.names !== undefined) {
      const name = JSON.parse(mark.slice(0, -colon.length)) as string;
      level.at = name;
      if (level.names.has(name)) {
        throw invalid('body', levels.map(({ at }) => at).join('.'), 'is named twice');
      }
      level.names.add(name);
    }
  }
}

/** Names of the prototype are no fields of anybody's, known or unknown. */
function assertNames(value: unknown, place: Place, field = ''): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (UNSAFE_KEYS.has(name)) throw invalid(place, below(field, name), 'is not an allowed name');
    assertNames(inner, place, below(field, name));
  }
}

/**
 * Refuses, in fields that a route knows, what later steps could not take: NUL and half characters (PostgreSQL stores
 * neither), and numbers that are not exact.
 * @throws HoldfastError `invalid_request`, naming the field
 */
export function assertSound(value: unknown, place: Place, field = ''): void {
  if (typeof value === 'string') {
    if (!plainText(value) || LONE_SURROGATE.test(value)) {
      throw invalid(place, field, 'holds a character that is not allowed');
    }
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      throw invalid(place, field, 'is a number too large to be exact');
    }
  } else if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value)) {
    for (const [name, inner] of Object.entries(value)) {
      assertSound(name, place, field);
      assertSound(inner, place, below(field, name));
    }
  }
}

function below(field: string, name: string): string {
  return field === '' ? name : `${field}.${name}`;
}

/**
 * `a=1&b=2`, as in queries and forms; a repeated name makes an array.
 * @throws HoldfastError `invalid_request` for malformed percent-encoding too
 */
export function parseForm(text: string, place: 'body' | 'query'): Record<string, string | string[]> {
  const fields = new Map<string, string[]>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const cut = pair.indexOf('=');
    const name = decoded(cut < 0 ? pair : pair.slice(0, cut), place);
    const value = cut < 0 ? '' : decoded(pair.slice(cut + 1), place);
    fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  const form = Object.fromEntries(
    [...fields].map(([name, [first = '', ...more]]) => [name, more.length === 0 ? first : [first, ...more]]),
  );
  assertNames(form, place);
  return form;
}

function decoded(text: string, place: Place): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalid(place, '', 'has malformed percent-encoding');
  }
}
