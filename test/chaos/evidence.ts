/** Everything that is known of an order, for whoever has to find out what went wrong. */
import { cpSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type postgres from 'postgres';
import type { Stack } from '../e2e/stack.js';
import type { Violation } from '../support/verdict.js';

const MOST_ORDERS = 20;

export interface Evidence {
  orderNo: string;
  /** One line an event. */
  timeline: string[];
  /** Every row that there is of the order, by table. */
  rows: Record<string, readonly object[]>;
}

/** Keeps the logs of a run whose home is about to go, and the evidence beside them. @returns where they are */
export function keepLogs({ home }: Stack, seed: number, evidence: readonly Evidence[]): string {
  const folder = join(tmpdir(), `holdfast-chaos-${seed}-${Date.now()}`);
  cpSync(join(home, 'logs'), folder, { recursive: true });
  writeFileSync(join(folder, 'evidence.json'), JSON.stringify(evidence, null, 1));
  return folder;
}

/** Numbers of orders in a text: 16 hex digits, with or without the number of an attempt. */
function ordersIn(text: string): string[] {
  return [...text.matchAll(/\b([0-9a-f]{16})(?:a\d+)?\b/g)].map(([, no = '']) => no);
}

async function ordersOf(sql: postgres.Sql, violations: readonly Violation[]): Promise<string[]> {
  const texts = violations.map(({ about, what }) => `${about} ${what}`);
  const ids = texts.flatMap((text) => text.match(/[0-9a-f]{24}|\b\d{20,40}\b/g) ?? []);
  const byOthers = await sql<{ order_no: string }[]>`
    SELECT order_no FROM refunds WHERE id = ANY(${ids}) AND order_no IS NOT NULL
    UNION SELECT order_no FROM payments WHERE provider_trade_no = ANY(${ids})
    UNION SELECT y.order_no FROM inbox i JOIN payments y USING (out_trade_no)
     WHERE i.provider_trade_no = ANY(${ids}) OR i.event_key = ANY(${ids})`;
  return [...new Set([...texts.flatMap(ordersIn), ...byOthers.map((row) => row.order_no)])];
}

interface EventRow {
  created_at: Date;
  type: string;
  actor: string;
  reason: string | null;
  data: object;
}

async function lifeOf(sql: postgres.Sql, orderNo: string): Promise<Evidence> {
  const events = await sql<EventRow[]>`
    SELECT created_at, type, actor, reason, data FROM order_events WHERE order_no = ${orderNo} ORDER BY id`;
  const rows = {
    orders: await sql`SELECT * FROM orders WHERE order_no = ${orderNo}`,
    payments: await sql`SELECT * FROM payments WHERE order_no = ${orderNo} ORDER BY created_at`,
    inbox: await sql`
      SELECT * FROM inbox WHERE out_trade_no IN (SELECT out_trade_no FROM payments WHERE order_no = ${orderNo})
       ORDER BY id`,
    steps: await sql`SELECT * FROM action_steps WHERE order_no = ${orderNo} ORDER BY position`,
    refunds: await sql`SELECT * FROM refunds WHERE order_no = ${orderNo} ORDER BY seq`,
    items: await sql`SELECT * FROM operator_items WHERE order_no = ${orderNo} ORDER BY seq`,
    postings: await sql`
      SELECT p.id, p.key, p.kind, p.created_at, json_agg(e.account || ' ' || e.amount) AS entries
        FROM postings p LEFT JOIN entries e ON e.posting_id = p.id WHERE p.order_no = ${orderNo}
       GROUP BY p.id ORDER BY p.id`,
  };
  const timeline = events.map(
    ({ created_at, type, actor, reason, data }) =>
      `${created_at.toISOString()} ${type} by ${actor}${reason === null ? '' : `: ${reason}`} ${JSON.stringify(data)}`,
  );
  return { orderNo, timeline, rows };
}

/** The orders that violations are about: the first of them, where there are many. */
export async function evidenceOf(sql: postgres.Sql, violations: readonly Violation[]): Promise<Evidence[]> {
  const numbers = (await ordersOf(sql, violations)).slice(0, MOST_ORDERS);
  const found: Evidence[] = [];
  for (const orderNo of numbers) found.push(await lifeOf(sql, orderNo));
  return found;
}
