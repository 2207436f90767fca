/** Every operation of the OpenAPI document against what it promises: thousands of calls, good, bad and worse. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Shop, expectStatus, openShop } from '../e2e/shop.js';
import { type Fleet, type Proc, startFleet } from '../fleet/fleet.js';
import { FULL, describeFull } from '../support/full.js';
import { type FuzzReport, type Known, fuzz } from './fuzzing.js';

/** Where `npm run test:full` has put it; unset where there is no Python. */
const PROGRAM = process.env['HOLDFAST_TEST_SCHEMATHESIS'];
/** Three minutes on two cores that have nothing else to do. */
const RUN_MS = 40 * 60_000;
/** The users of the documentation's own examples. */
const BUYER = '000000000000000000000b01';
const SELLER = '000000000000000000000501';

let fleet: Fleet;
let api: Proc;
let shop: Shop;
let known: Known;

describeFull('the API along its OpenAPI document', () => {
  beforeAll(async () => {
    fleet = await startFleet({ environment: { REFUND_WINDOW: '7d' } });
    [api] = await Promise.all([fleet.startApi(), fleet.startWorker()]);
    shop = openShop({ api: fleet.http(api), sandbox: fleet.sandbox });
    known = await prepare();
  }, 120_000);
  afterAll(() => fleet.close());

  const http = () => fleet.http(api);

  async function tokenOf(id: string): Promise<string> {
    const minted = await http().post<{ accessToken: string }>(`/v1/users/${id}/tokens`);
    return expectStatus(minted, 201).accessToken;
  }

  /** Orders at every stage of their lives, all of one buyer. */
  async function prepare(): Promise<Known> {
    for (const id of [BUYER, SELLER]) {
      expectStatus(await http().put(`/v1/users/${id}`, { name: id, payPassword: 'open-sesame' }), 200);
    }
    const [buyer, seller] = [BUYER, SELLER].map((id) => ({ id, token: '' }));
    if (buyer === undefined || seller === undefined) throw new Error('nobody is there');
    const wish = { buyer, seller, amount: 1_000, chatId: 'room_1' };
    const topup = await shop.newOrder({ kind: 'topup', buyer, amount: 50_000 });
    const parked = await shop.newOrder({ ...wish, nextAction: { type: 0, id: 1 } });
    const orders = [topup, parked, await shop.newOrder(wish), await shop.newOrder(wish)];
    const payments = [];
    for (const order of orders.slice(0, 3)) payments.push(await shop.pay(order, 'wechat'));
    await shop.orderIs(parked, 'action_required');
    const [, , held] = orders;
    if (held === undefined) throw new Error('there is no order');
    await shop.orderIs(held, 'paid');
    const asked = await http().post<{ id: string }>(`/v1/orders/${held.id}/refunds`, {
      amount: 1,
      reason: 'x',
    });
    const items = await shop.allOpenItems();
    return {
      orders: orders.map(({ id }) => id),
      payments: payments.map(({ paymentId }) => paymentId),
      refunds: [expectStatus(asked, 201).id],
      users: [BUYER, SELLER],
      'operator-items': items.map((item) => (item as unknown as { id: string }).id),
    };
  }

  function run(name: string, credential: string, without: readonly string[]): Promise<FuzzReport> {
    if (PROGRAM === undefined) throw new Error('schemathesis was not found');
    const folder = join(inject('scratch'), 'schemathesis', name);
    return fuzz({ program: PROGRAM, apiUrl: api.url, credential, known, without, folder });
  }

  function expectFaultless(report: FuzzReport): void {
    const { operations, cases, seconds, failures, errors, complete } = report;
    expect({ complete, errors, failures }, report.output.slice(-20_000)).toEqual({
      complete: true,
      errors: [],
      failures: [],
    });
    expect(cases).toBeGreaterThan(operations * 100);
    process.stdout.write(`schemathesis: ${operations} operations, ${cases} cases, ${seconds} s\n`);
  }

  it.runIf(FULL && PROGRAM !== undefined)(
    'S1 S2: a back end with every right is answered as documented, and never with a failure of ours',
    async () => {
      const report = await run('admin', fleet.adminKey, []);
      expectFaultless(report);
      // Cases that only ever name what there is not would prove little.
      expect(report.accepted['POST /v1/orders']).toBeGreaterThan(0);
      expect(report.accepted['GET /v1/orders/{id}']).toBeGreaterThan(0);
    },
    RUN_MS,
  );

  it.runIf(FULL && PROGRAM !== undefined)(
    'S1 S2: a user is answered as documented, whatever they try',
    async () => {
      // A user who revokes their own tokens is nobody from then on.
      const report = await run('user', await tokenOf(BUYER), ['/v1/users/{id}/tokens']);
      expectFaultless(report);
      expect(report.accepted['GET /v1/orders/{id}']).toBeGreaterThan(0);
    },
    RUN_MS,
  );

  it.runIf(FULL)('M1 M4: leaves the books balanced', async () => {
    expect(await shop.proof()).toMatchObject({ balanced: true });
  });
});
