/** One good thing of each collection that merchants fill, alice's where it is somebody's: for tests of every route. */
import type { Db } from '../db/client.js';
import { catalogItems, deposits, membershipRenewals } from '../db/schema.js';
import type { CollectionName } from '../domain/catalog.js';

export const CATALOG_SAMPLES: Record<
  Exclude<CollectionName, 'shop-bills'>,
  Readonly<Record<string, unknown>>
> = {
  'shop-orders': { userId: 'alice', amount: 100, title: 'tea' },
  'knowledge-orders': { userId: 'alice', amount: 100, title: 'a lecture', contentId: 'lecture-1' },
  'sms-templates': { provider: 'outbox', sign: 'Holdfast', template: 'code ${code}', params: ['code'] },
  registrations: { userId: 'alice', amount: 100, title: 'a run' },
  shops: { name: 'a tea house', discounts: [{ minAmount: 5_000, percentOff: 10 }] },
  'membership-prices': { levelId: 'gold', name: 'gold', amount: 100, days: 30 },
  'coupon-rules': {
    name: 'a welcome',
    amountOff: 10,
    minSpend: 100,
    stock: 5,
    perUser: 1,
    price: 1,
    password: 'sesame',
  },
  'jd-reward-orders': { userId: 'alice', amount: 100 },
  'dining-orders': { userId: 'alice', amount: 100, table: 'A 7' },
  'member-cards': { name: 'pool', amount: 100, days: 365 },
  'picture-trades': { userId: 'alice', sellerId: 'sally', pictureId: 'picture-1', amount: 100 },
  courses: { title: 'guitar', puberId: 'sally', price: 100 },
  'course-orders': { userId: 'alice', courseId: 'guitar', amount: 100 },
  'organization-prices': { name: 'small', amount: 100, capacity: 50 },
  organizations: { name: 'a choir', remark: 'sings', ownerId: 'alice', capacity: 50 },
  'goods-videos': { title: 'a saga', episodes: [{ number: 1, amount: 100 }] },
  'service-orders': { userId: 'alice', endsAt: '2026-11-30T10:00:00.000Z' },
  'extra-times': { userId: 'alice', serviceOrderId: '77', amount: 100, minutes: 45 },
  'errand-tasks': { userId: 'alice', runnerId: 'sally', amount: 100 },
  'blind-boxes': { userId: 'alice', amount: 100 },
  'cp-activities': { title: 'a picnic', amount: 100 },
  packages: {
    type: 0,
    payType: 1,
    name: 'a month',
    price: 100,
    days: 30,
    description: 'all of it',
    details: ['one', 'two'],
  },
};

/** A renewal of alice's that was cancelled. */
export const RENEWAL_ID = 'c'.repeat(24);

/** What only actions write: a bill of shop 77, numbered 77, the renewal, a deposit that was returned. @returns its id */
export async function addThingsOfActions(db: Db): Promise<string> {
  const id = 'd'.repeat(24);
  await db.insert(catalogItems).values({
    collection: 'shop-bills',
    id: '77',
    body: { shopId: '77', userId: 'alice', amount: 100, paid: 90 },
    status: 'paid',
  });
  await db.insert(deposits).values({
    id,
    userId: 'alice',
    orderId: 'e'.repeat(24),
    orderNo: 'f'.repeat(16),
    step: '0',
    amount: 100,
    status: 'returned',
    returnedAt: new Date(),
    returnedBy: 'test',
  });
  await db.insert(membershipRenewals).values({
    id: RENEWAL_ID,
    userId: 'alice',
    levelId: 'gold',
    priceId: '77',
    amount: 100,
    days: 30,
    orderId: 'e'.repeat(24),
    orderNo: 'f'.repeat(16),
    step: '0',
    status: 'cancelled',
    dueAt: new Date(),
    endedAt: new Date(),
    endedBy: 'test',
    endReason: 'cancelled',
    startDueAt: null,
  });
  return id;
}
