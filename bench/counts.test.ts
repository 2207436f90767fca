/** What one paid deal costs, exactly: a step more in its workflow or its SQL fails here. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DealCounts, callsOf, countDeal } from './counts.js';
import { type Product, startProduct } from './product.js';
import { type Servers, startServers } from './servers.js';

let servers: Servers;
let product: Product;
let deal: DealCounts;

beforeAll(async () => {
  servers = await startServers();
  product = await startProduct(servers);
  deal = await countDeal(product, 0);
});

afterAll(async () => {
  await product.close();
  await servers.close();
});

describe('a paid deal without actions', () => {
  it('has 18 history events and two upserts', () => {
    expect([deal.history.events, deal.history.upserts]).toEqual([20, 2]);
  });

  it('is 6 Cloud actions and its upserts', () => {
    expect(deal.history.actions).toBe(6 + deal.history.upserts);
  });

  it('keeps at most 4 KB of history', () => {
    expect(deal.history.bytes).toBeGreaterThan(0);
    expect(deal.history.bytes).toBeLessThanOrEqual(4_096);
  });

  it('writes in 7 transactions, inbox and outbox included', () => {
    expect(deal.sql.writeTransactions).toBe(7);
  });

  it('posts its hold and its release in one round trip each', () => {
    expect(callsOf(deal.sql, 'ledger_post')).toBe(2);
  });

  it('sends 18 statements, beside the frames of its transactions', () => {
    expect(deal.sql.statements, JSON.stringify(deal.sql.byText, null, 1)).toBe(18);
  });
});
