/** Exact costs of one paid deal, one at a time, since tasks merge under load and counts fall. */
import { orderWorkflowId } from '../workflows/contract.js';
import type { Figure } from './figures.js';
import type { Floor } from './floor/floor.js';
import { type HistoryCounts, countHistory } from './history-counts.js';
import { type BenchOrder, type Product, countIn, payByNotification } from './product.js';
import { type Servers, waitsForPayment } from './servers.js';
import { type SqlCounts, countSql } from './sql-counts.js';
import { pauseUntil, until } from './stats.js';

const HOLD = '2s';
const HOLD_MS = 2_000;
const ORDERS = 3;

export interface DealCounts {
  history: HistoryCounts;
  sql: SqlCounts;
}

/** A chain of so many steps that each send a message, one inside the other. */
function chainOf(actions: number): object | null {
  if (actions === 0) return null;
  return { type: 2, smsId: 111, mobile: '13500000000', nextAction: chainOf(actions - 1) ?? undefined };
}

/** Creates, pays and releases one deal; returns when its workflow has ended. */
async function liveDeal(product: Product, actions: number): Promise<BenchOrder> {
  const { servers } = product;
  const order = await product.createOrder({ autoConfirmAfter: HOLD, nextAction: chainOf(actions) });
  await product.openAttempt(order);
  await until('the workflow waits for its payment', () =>
    waitsForPayment(servers, orderWorkflowId(order.orderNo)),
  );
  // A provider tells whole seconds. Paid at the beginning of one, the deal is held for nearly its whole window, and
  // its hold and its release are two workflow tasks.
  await pauseUntil(Math.ceil(Date.now() / 1_000) * 1_000);
  await payByNotification(product, order);
  await servers.client.workflow.getHandle(orderWorkflowId(order.orderNo)).result();
  await until('the deal is released', async () => (await countIn(servers, [order], 'released')) === 1);
  return order;
}

/** @returns the middle of a few deals, one after the other */
export async function countDeal(product: Product, actions: number): Promise<DealCounts> {
  const { servers } = product;
  await liveDeal(product, actions);
  const counted: DealCounts[] = [];
  for (let index = 0; index < ORDERS; index++) {
    let order: BenchOrder | undefined;
    const sql = await countSql(servers, async () => {
      order = await liveDeal(product, actions);
    });
    if (order === undefined) throw new Error('a counted deal was not made');
    counted.push({ sql, history: await countHistory(servers, orderWorkflowId(order.orderNo)) });
  }
  return counted.sort((a, b) => a.sql.statements - b.sql.statements)[Math.floor(ORDERS / 2)] as DealCounts;
}

async function countFloor(servers: Servers, floor: Floor): Promise<HistoryCounts> {
  const id = await floor.start(HOLD_MS);
  await until('the floor waits for its payment', () => waitsForPayment(servers, `floor/${id}`));
  await floor.signal(id);
  await servers.client.workflow.getHandle(`floor/${id}`).result();
  return countHistory(servers, `floor/${id}`);
}

/** How often a posting, or another statement, was sent. */
export function callsOf({ byText }: SqlCounts, text: string): number {
  return byText.filter(({ query }) => query.includes(text)).reduce((sum, { calls }) => sum + calls, 0);
}

function dealFigures(actions: number, { history, sql }: DealCounts, floor: HistoryCounts): Figure[] {
  const name = (what: string): string => `${what}, ${actions} actions`;
  const atMost = (bound: number) => ({ target: { of: 'value' as const, atMost: bound }, exact: true });
  return [
    {
      what: name('history events'),
      value: history.events,
      unit: 'events',
      floor: floor.events,
      ...atMost(18 + 6 * actions + 2),
      note: `18 + 6N, and ${history.upserts} upserts`,
    },
    {
      what: name('history size'),
      value: history.bytes,
      unit: 'bytes',
      floor: floor.bytes,
      ...(actions === 0 ? atMost(4_096) : { exact: true }),
    },
    {
      what: name('Cloud actions'),
      value: history.actions,
      unit: 'actions',
      floor: floor.actions,
      ...atMost(6 + actions + history.upserts),
      note: `${history.upserts} of them upserts`,
    },
    { what: name('SQL statements'), value: sql.statements, unit: 'statements', exact: true },
    {
      what: name('write transactions'),
      value: sql.writeTransactions,
      unit: 'transactions',
      ...(actions === 0 ? atMost(8) : { exact: true }),
    },
    {
      what: name('round trips that post to the ledger'),
      value: callsOf(sql, 'ledger_post'),
      unit: 'calls',
      ...atMost(2),
      note: 'hold and release; one each',
    },
  ];
}

export async function benchCounts(product: Product, floor: Floor): Promise<Figure[]> {
  const bare = await countFloor(product.servers, floor);
  const figures: Figure[] = [];
  for (const actions of [0, 2]) {
    figures.push(...dealFigures(actions, await countDeal(product, actions), bare));
  }
  return figures;
}
