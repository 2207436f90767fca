/** Fields that the documents of several dialects have. */
import { z } from 'zod';
import type { Responses } from '../endpoint.js';

/** An empty field is one that a form left empty. */
export const optionalText = (max: number) =>
  z
    .string()
    .max(max)
    .optional()
    .transform((text) => (text === '' ? undefined : text));
export const text = (max: number) => z.string().min(1).max(max);
export const id = text(64);

const NUMBER = /^-?\d{1,7}$/;

/** Clients send numbers as texts. */
export const whole = (least: number, most: number) =>
  z
    .union([z.number(), z.string().regex(NUMBER, 'must be a whole number').transform(Number)])
    .pipe(z.number().int().min(least).max(most));

export const accessToken = z
  .string()
  .optional()
  .meta({ description: 'The access token, where no header has it.' });

/** What callers are refused with under a status of its own, in their dialect's shape. */
export function failuresOf(schema: z.ZodType): Responses {
  return {
    401: { description: 'The token is wrong, or missing.', schema },
    403: { description: 'The token is another party’s.', schema },
    413: { description: 'The body is too large.', schema },
    429: { description: 'Too many requests.', schema },
    503: { description: 'Not available just now.', schema },
  };
}
