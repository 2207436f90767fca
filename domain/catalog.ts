/** What the actions act on (wire.md, section 6b): one row per collection. Amounts in fen. */
import { z } from 'zod';
import { MAX_AMOUNT_FEN } from './money.js';
import { USER_ID } from './order.js';
import { plainText } from './variables.js';

const text = (max: number) => z.string().max(max).refine(plainText, 'holds a NUL character');
const amount = z.number().int().min(1).max(MAX_AMOUNT_FEN);

export interface Collection {
  /** What an id of this collection looks like. */
  id: RegExp;
  fields: z.ZodObject;
  /** A thing that is paid for: it shows `status` pending, then paid, and `paidByOrderId`. */
  payable: boolean;
}

const NUMERIC_ID = /^[1-9]\d{0,15}$/;

export const COLLECTIONS = {
  'shop-orders': {
    id: NUMERIC_ID,
    fields: z.object({ userId: z.string().regex(USER_ID), amount, title: text(256) }),
    payable: true,
  },
  'sms-templates': {
    id: NUMERIC_ID,
    fields: z.object({
      provider: z.enum(['outbox', 'aliyun', 'tencent']),
      sign: text(64),
      template: text(1000),
      params: z.array(text(64)).max(50).default([]),
    }),
    payable: false,
  },
} as const satisfies Record<string, Collection>;

export type CollectionName = keyof typeof COLLECTIONS;

export function isCollection(name: string): name is CollectionName {
  return Object.hasOwn(COLLECTIONS, name);
}
