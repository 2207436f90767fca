import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAIN_STATES, MONEY_STATES, type OrderStatus, deriveStatus } from '../domain/order-status.js';
import { type TestDatabase, freshDatabase, sqlAs } from '../test/support/database.js';
import { sqlStateOf } from '../test/support/errors.js';

const AMOUNTS = [
  [0, 0],
  [100, 0],
  [100, 1],
  [100, 99],
  [100, 100],
] as const;

const FACTS = MONEY_STATES.flatMap((money) =>
  CHAIN_STATES.flatMap((chain) =>
    AMOUNTS.flatMap(([captured, refunded]) =>
      [false, true].map((refundOpen) => ({ money, chain, captured, refunded, refundOpen })),
    ),
  ),
);

describe('the status that PostgreSQL derives', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.close());

  it('is the one that the domain derives, for every combination of facts', async () => {
    const rows = FACTS.map((facts, index) => ({
      id: `o${index}`,
      order_no: `n${index}`,
      kind: 'deal',
      buyer_id: 'b1',
      amount: 100,
      currency: 'CNY',
      subject: 'a lesson',
      auto_confirm_after_ms: 0,
      fee_bps: 0,
      expires_at: new Date(),
      created_by: 'test',
      money: facts.money,
      chain: facts.chain,
      captured: facts.captured,
      refunded: facts.refunded,
      refund_open: facts.refundOpen,
    }));
    const derived = await sqlAs(database.ownerUrl, async (sql) => {
      await sql`INSERT INTO users (id, name) VALUES ('b1', 'buyer')`;
      return sql<{ id: string; status: OrderStatus }[]>`INSERT INTO orders ${sql(rows)} RETURNING id, status`;
    });
    const byId = new Map(derived.map(({ id, status }) => [id, status]));
    const differences = FACTS.map((facts, index) => ({
      facts,
      sql: byId.get(`o${index}`),
      ours: deriveStatus(facts),
    })).filter(({ sql, ours }) => sql !== ours);
    expect(FACTS).toHaveLength(160);
    expect(differences).toEqual([]);
  });

  it('M6 never sees more refunded than was captured', async () => {
    const failed = sqlAs(database.ownerUrl, (sql) =>
      sql`UPDATE orders SET refunded = captured + 1`.then(() => true),
    );
    expect(await sqlStateOf(failed)).toBe('23514');
  });

  it('cannot be written', async () => {
    const failed = sqlAs(database.ownerUrl, (sql) =>
      sql`UPDATE orders SET status = 'completed'`.then(() => true),
    );
    expect(await sqlStateOf(failed)).toBe('428C9');
  });
});
