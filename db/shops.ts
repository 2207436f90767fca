import { and, asc, eq } from 'drizzle-orm';
import type { ThingOf } from '../domain/catalog.js';
import type { DiscountRule } from '../domain/discounts.js';
import type { Db } from './client.js';
import { catalogItems } from './schema.js';

// More are of no use to who looks at them all.
const MOST_SHOPS = 500;

/** The discounts of all shops, or of one, as they were put in. */
export async function shopDiscounts(
  db: Db,
  shopId: string | undefined,
): Promise<{ id: string; name: string; rule: DiscountRule }[]> {
  const rows = await db
    .select({ id: catalogItems.id, body: catalogItems.body })
    .from(catalogItems)
    .where(
      and(
        eq(catalogItems.collection, 'shops'),
        shopId === undefined ? undefined : eq(catalogItems.id, shopId),
      ),
    )
    .orderBy(asc(catalogItems.id))
    .limit(MOST_SHOPS);
  return rows.flatMap(({ id, body }) => {
    // Checked when it was put in.
    const { name, discounts } = body as ThingOf<'shops'>;
    return discounts.map((rule) => ({ id, name, rule }));
  });
}
