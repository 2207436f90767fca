/** The kinds of parameters that nextActions have, read as callers write them: numbers or text, yuan, comma lists. */
import { z } from 'zod';
import { HoldfastError } from './errors.js';
import { fromYuan, toYuan } from './money.js';
import { isObject, plainText, wellFormedValues } from './variables.js';

const NUMERIC_ID = 'must be the numeric id (digits only, not the OD... number)';
const positiveNumber = z.number(NUMERIC_ID).int(NUMERIC_ID).positive(NUMERIC_ID).max(Number.MAX_SAFE_INTEGER);

/** Ids of shop orders and their like are positive integers; the long `OD...` number is another thing. */
export const numericId = z
  .union([positiveNumber, z.string().regex(/^[1-9]\d{0,15}$/, NUMERIC_ID)], { error: NUMERIC_ID })
  .transform(String);

/** The same, or an empty text: nothing in particular. */
export const numericIdOrNone = z.union([z.literal(''), numericId], { error: NUMERIC_ID });

/** A comma list such as `77,88,99`: each id becomes a step of its own. */
export const numericIdList = z
  .union([positiveNumber, z.string().max(1000)], {
    error: 'must be a numeric id, or several separated by commas',
  })
  .transform((ids): (string | number)[] => String(ids).split(','))
  .pipe(
    z
      .array(numericId)
      .min(1)
      .refine((ids) => new Set(ids).size === ids.length, 'names an id twice'),
  );

export const mobile = z
  .union([z.string(), z.number().int().positive().max(Number.MAX_SAFE_INTEGER)])
  .transform(String)
  .pipe(z.string().regex(/^\+?\d{5,20}$/, 'must be a phone number: 5 to 20 digits'));

/** How many of something: a whole number from 1. */
export const count = (max: number) =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,9}$/, 'must be a whole number')
        .transform(Number),
    ])
    .pipe(z.number().int('must be a whole number').min(1).max(max));

export const text = (max: number) => z.string().max(max).refine(plainText, 'holds a NUL character');

/** A name of somebody else's making; text or a number, kept as text. */
export const reference = (max: number) =>
  z.union([text(max), z.number().int().max(Number.MAX_SAFE_INTEGER)]).transform(String);

/** Front ends of the source document send `"true"` as often as `true`. */
export const flag = z.union([
  z.boolean(),
  z.enum(['true', 'false'], { error: 'must be true or false' }).transform((word) => word === 'true'),
]);

/** Yuan above zero, kept as text with two decimals. */
export const yuan = z.union([z.string(), z.number()]).transform((given, context) => {
  try {
    const amount = fromYuan(given);
    if (amount > 0) return toYuan(amount);
    context.addIssue({ code: 'custom', message: 'must be more than 0' });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
  return z.NEVER;
});

// Not z.record, which drops a key named __proto__ where this should be refused.
const anyObject = z.custom<Record<string, unknown>>(isObject, 'must be an object or the JSON of one');

/** An object, or the JSON text of one. */
const objectOrJson = z.union([anyObject, z.string().max(20_000)]).transform((given, context): unknown => {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be an object or the JSON of one' });
    return z.NEVER;
  }
});

/** The values of a template, or what a caller wants kept with a thing. */
export const values = objectOrJson.pipe(
  anyObject.superRefine((given, context) => wellFormedValues(given, context)),
);
