import { z } from 'zod';

/** Parameters that several calls share. A form's values are texts. */
export const amount = z
  .string()
  .regex(/^[1-9]\d{0,10}$/, 'must be a positive integer')
  .transform(Number);

/** The only currency of this account. */
export const currency = z
  .string()
  .toLowerCase()
  .pipe(z.literal('cny', { error: 'this account takes cny alone' }));

export const metadata = z.record(z.string().min(1).max(40), z.string().max(500)).default({});
export type Metadata = z.infer<typeof metadata>;

export const expand = z.array(z.string()).default([]);

export const page = {
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'must be 1 to 100')
    .transform(Number)
    .optional(),
  starting_after: z.string().min(1).optional(),
  expand,
};

const moment = z
  .string()
  .regex(/^\d{1,12}$/, 'must be a Unix time')
  .transform(Number)
  .optional();

export const created = z.strictObject({ gte: moment, gt: moment, lte: moment, lt: moment }).optional();

/** Whether a time in seconds is within `created[...]`. */
export function isWithin(at: number, range: z.infer<typeof created>): boolean {
  if (range === undefined) return true;
  const { gte = -Infinity, gt = -Infinity, lte = Infinity, lt = Infinity } = range;
  return at >= gte && at > gt && at <= lte && at < lt;
}

/** Where what becomes of it is told. In production that is said in the dashboard, once for the account. */
export function notifyUrlIn({ notify_url: url }: Metadata): string | null {
  return url !== undefined && /^https?:/.test(url) && URL.canParse(url) ? url : null;
}
