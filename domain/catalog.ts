/** What the actions act on (wire.md, section 6b): one row per collection. Amounts in fen. */
import { z } from 'zod';
import { text } from './action-parameters.js';
import { MAX_AMOUNT_FEN } from './money.js';
import { USER_ID } from './order.js';

const amount = z.number().int().min(1).max(MAX_AMOUNT_FEN);
/** What may also be free. */
const price = z.number().int().min(0).max(MAX_AMOUNT_FEN);
const userId = z.string().regex(USER_ID);
const days = z.number().int().min(1).max(36_500);
const NUMERIC_ID = /^[1-9]\d{0,15}$/;
const numericId = z.string().regex(NUMERIC_ID);
const capacity = z.number().int().min(1).max(1_000_000_000);
const title = text(256);
const name = text(128);

const discountRule = z
  .object({
    minAmount: price,
    percentOff: z.number().int().min(1).max(100).optional(),
    amountOff: amount.optional(),
  })
  .refine(({ percentOff, amountOff }) => (percentOff ?? amountOff) !== undefined, {
    message: 'needs percentOff or amountOff',
  });

/** What a package holds, as its buyer is shown it: a text alone, or with a picture and a title. */
const packageDetail = z.object({
  icon: z.string().max(1000).default(''),
  title: text(256),
  content: text(1000).default(''),
});

export type ThingStatus = 'pending' | 'paid' | 'open' | 'published';

export interface Collection {
  /** What an id of this collection looks like. */
  id: RegExp;
  fields: z.ZodObject;
  /** What becomes of a thing of this collection once it is paid for; absent where it is not paid for. */
  paidStatus?: Exclude<ThingStatus, 'pending'>;
  /** Fields that may still change once it is paid for. */
  openFields?: readonly string[];
  /** Written by actions alone: read by API, and never put. */
  readOnly?: true;
}

const payable = { id: NUMERIC_ID, paidStatus: 'paid' } as const;
const listed = { id: NUMERIC_ID } as const;

export const COLLECTIONS = {
  'shop-orders': { ...payable, fields: z.object({ userId, amount, title }) },
  'knowledge-orders': { ...payable, fields: z.object({ userId, amount, title, contentId: text(64).min(1) }) },
  'sms-templates': {
    ...listed,
    fields: z.object({
      provider: z.enum(['outbox', 'aliyun', 'tencent']),
      sign: text(64),
      template: text(1000),
      params: z.array(text(64)).max(50).default([]),
    }),
  },
  registrations: { ...payable, fields: z.object({ userId, amount, title }) },
  shops: { ...listed, fields: z.object({ name, discounts: z.array(discountRule).max(50).default([]) }) },
  'shop-bills': {
    ...payable,
    // Empty where a bill is of no particular shop.
    fields: z.object({ shopId: z.union([z.literal(''), numericId]), userId, amount, paid: price }),
    readOnly: true,
  },
  'membership-prices': { ...listed, fields: z.object({ levelId: text(64).min(1), name, amount, days }) },
  'coupon-rules': {
    ...listed,
    fields: z.object({
      name,
      amountOff: amount,
      minSpend: price.default(0),
      /** How many may be claimed in all. */
      stock: z.number().int().min(0).max(1_000_000_000),
      perUser: z.number().int().min(1).max(1_000_000_000).default(1),
      price: price.default(0),
      password: text(64).min(1).optional(),
    }),
  },
  'jd-reward-orders': {
    id: /^[0-9A-Za-z_-]{1,64}$/,
    paidStatus: 'paid',
    fields: z.object({ userId, amount }),
  },
  'dining-orders': { ...payable, fields: z.object({ userId, amount, table: text(64) }) },
  'member-cards': { ...listed, fields: z.object({ name, amount, days }) },
  'picture-trades': {
    ...payable,
    fields: z.object({ userId, sellerId: userId, pictureId: text(64).min(1), amount }),
  },
  courses: {
    ...listed,
    fields: z.object({
      title,
      puberId: userId,
      price,
      /** What each purchase of it runs, as an order's own. */
      nextAction: z.record(z.string(), z.unknown()).optional(),
    }),
  },
  'course-orders': { ...payable, fields: z.object({ userId, courseId: text(64).min(1), amount }) },
  'organization-prices': { ...listed, fields: z.object({ name, amount, capacity }) },
  organizations: {
    ...listed,
    fields: z.object({ name: text(64), remark: text(256).default(''), ownerId: userId, capacity }),
  },
  'goods-videos': {
    ...listed,
    fields: z.object({
      title,
      episodes: z.array(z.object({ number: z.number().int().min(1).max(100_000), amount })).max(1000),
    }),
  },
  'service-orders': { ...listed, fields: z.object({ userId, endsAt: z.iso.datetime({ offset: true }) }) },
  'extra-times': {
    ...payable,
    fields: z.object({
      userId,
      serviceOrderId: numericId,
      amount,
      minutes: z.number().int().min(1).max(527_040),
    }),
  },
  'errand-tasks': {
    id: NUMERIC_ID,
    paidStatus: 'open',
    fields: z.object({ userId, runnerId: userId.optional(), amount }),
    openFields: ['runnerId'],
  },
  'blind-boxes': { id: NUMERIC_ID, paidStatus: 'published', fields: z.object({ userId, amount }) },
  'cp-activities': { ...listed, fields: z.object({ title, amount }) },
  packages: {
    ...listed,
    fields: z.object({
      type: z.union([z.literal(0), z.literal(1)]),
      payType: z.union([z.literal(0), z.literal(1)]),
      name,
      price,
      days,
      description: text(4000).default(''),
      details: z
        .array(z.union([text(1000), packageDetail]))
        .max(100)
        .default([]),
    }),
  },
} as const satisfies Record<string, Collection>;

export type CollectionName = keyof typeof COLLECTIONS;
export const COLLECTION_NAMES = Object.keys(COLLECTIONS) as CollectionName[];
export type ThingOf<C extends CollectionName> = z.output<(typeof COLLECTIONS)[C]['fields']>;
/** Collections whose things are paid for by their buyer. */
export type PayableCollection = {
  [C in CollectionName]: (typeof COLLECTIONS)[C] extends { paidStatus: string } ? C : never;
}[CollectionName];

export function isCollection(word: string): word is CollectionName {
  return Object.hasOwn(COLLECTIONS, word);
}

export function collectionOf(word: CollectionName): Collection {
  return COLLECTIONS[word];
}

const PRICE_FIELDS = ['amount', 'price'] as const;

/** What an order for a thing costs; undefined where things of this collection are not for sale by themselves. */
export function priceFieldOf(word: CollectionName): (typeof PRICE_FIELDS)[number] | undefined {
  const { fields, readOnly } = collectionOf(word);
  return readOnly ? undefined : PRICE_FIELDS.find((field) => field in fields.shape);
}
