/** `{"from":"config","key":"K"}` stands for system parameter K inside a step that allows it (wire.md, section 5). */
import { z } from 'zod';

// Fees, prices and limits are settings with dots in their names, so that no caller's text can read them out.
const READABLE_KEY = /^[0-9A-Za-z_-]{1,64}$/;
const MAX_DEPTH = 10;
const UNSAFE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

export interface Variable {
  from: 'config';
  key: string;
}

export const variable = z.object({
  from: z.literal('config', { error: 'a variable is read from "config" only' }),
  key: z.string().regex(READABLE_KEY, 'names a system parameter: letters, digits, _ and -, no dot'),
});

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object of exactly `from` and `key` is meant as a variable, well-formed or not. */
export function isVariable(value: unknown): value is Variable {
  return isObject(value) && Object.keys(value).length === 2 && 'from' in value && 'key' in value;
}

/** Text that PostgreSQL can store and a person can read: no NUL, and no half of a surrogate pair. */
export function plainText(text: string): boolean {
  return !text.includes('\u0000') && !/\p{Cs}/u.test(text);
}

/** Refuses, with its path, what a template's values may not hold. */
export function wellFormedValues(
  values: unknown,
  context: z.RefinementCtx,
  path: (string | number)[] = [],
): void {
  const refuse = (message: string): void => context.addIssue({ code: 'custom', message, path });
  if (path.length > MAX_DEPTH) return refuse(`is nested deeper than ${MAX_DEPTH}`);
  if (typeof values === 'string' && !plainText(values))
    return refuse('holds a NUL character or half a character');
  if (typeof values === 'number' && !Number.isFinite(values)) return refuse('is not a finite number');
  if (isVariable(values)) {
    const checked = variable.safeParse(values);
    if (!checked.success) refuse(checked.error.issues[0]?.message ?? 'is not a variable');
    return;
  }
  if (Array.isArray(values)) {
    values.forEach((value, index) => wellFormedValues(value, context, [...path, index]));
  } else if (isObject(values)) {
    for (const [key, value] of Object.entries(values)) {
      if (UNSAFE_KEYS.has(key) || !plainText(key)) refuse('holds a key that is not allowed');
      else wellFormedValues(value, context, [...path, key]);
    }
  }
}

/** Every system parameter that the values name, each once. */
export function variablesIn(values: unknown): string[] {
  if (isVariable(values)) return [values.key];
  if (Array.isArray(values)) return [...new Set(values.flatMap(variablesIn))];
  if (isObject(values)) return [...new Set(Object.values(values).flatMap(variablesIn))];
  return [];
}

/** The same values with every variable replaced by what `settings` holds for it. */
export function resolveVariables(values: unknown, settings: ReadonlyMap<string, unknown>): unknown {
  if (isVariable(values)) return settings.get(values.key);
  if (Array.isArray(values)) return values.map((value) => resolveVariables(value, settings));
  if (isObject(values)) {
    return Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, resolveVariables(value, settings)]),
    );
  }
  return values;
}
