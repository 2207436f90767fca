/** PostgreSQL is killed and stays away, while callers and providers go on. */
import { expect } from 'vitest';
import { openLoop, pauseUntil, until } from '../../bench/stats.js';
import { type Answered, type Crowd, type Notice, ask, countPaid } from './crowd.js';
import type { Fleet, Proc } from './fleet.js';
import { expectAllPromises, say, spread, within } from './verdict.js';

const EVERY_MS = 125;
/** The stream begins before the kill and ends after the return. */
const BEFORE_MS = 1_500;
const AFTER_MS = 2_500;
const REFUSED_WITHIN_MS = 2_000;
const DRAINED_WITHIN_MS = 60_000;

interface Told extends Answered {
  what: 'order' | 'attempt' | 'notification';
  sentAt: number;
  notice?: Notice;
}

const isSuccess = ({ status }: Answered): boolean => status >= 200 && status < 300;

interface Ids {
  orders: string[];
  payments: string[];
  notices: Notice[];
}

/** What was answered with success. */
function promised(told: readonly Told[]): Ids {
  const good = told.filter(isSuccess);
  const bodies = (what: Told['what']) =>
    good.filter((one) => one.what === what).map(({ body }) => JSON.parse(body) as Record<string, string>);
  return {
    orders: bodies('order').map(({ id = '' }) => id),
    payments: bodies('attempt').map(({ paymentId = '' }) => paymentId),
    notices: good.flatMap(({ notice }) => notice ?? []),
  };
}

/** How many of what was promised are not there. */
async function missing({ sql }: Fleet, { orders, payments, notices }: Ids): Promise<Record<string, number>> {
  const keys = notices.map(({ eventKey }) => eventKey);
  const [found] = await sql<Record<keyof Ids, string>[]>`
    SELECT (SELECT count(*) FROM orders WHERE id = ANY (${orders})) AS orders,
           (SELECT count(*) FROM payments WHERE id = ANY (${payments})) AS payments,
           (SELECT count(*) FROM inbox WHERE event_key = ANY (${keys})) AS notices`;
  return {
    orders: new Set(orders).size - Number(found?.orders),
    payments: new Set(payments).size - Number(found?.payments),
    notices: keys.length - Number(found?.notices),
  };
}

/** As providers do: whatever was not acknowledged is sent again. */
async function sendAgain(crowd: Crowd, notices: readonly Notice[]): Promise<void> {
  for (const notice of notices) {
    await until(`${notice.eventKey} is accepted`, async () =>
      crowd.isAccepted(notice, await crowd.post(notice)),
    );
  }
}

/** An order, an attempt and a notification in turn. */
function stream(fleet: Fleet, crowd: Crowd, api: Proc, notices: readonly Notice[]) {
  const call = (path: string, body: object): Promise<Answered> =>
    ask(`${api.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fleet.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const order = { kind: 'deal', buyerId: crowd.buyer.id, sellerId: crowd.sellers[0]?.id, currency: 'CNY' };
  const kinds: ((notice: Notice) => Promise<Omit<Told, 'sentAt'>>)[] = [
    async () => ({
      what: 'order',
      ...(await call('/v1/orders', { ...order, amount: 700, subject: 'a cup of tea' })),
    }),
    async ({ order: { id, channel } }) => ({
      what: 'attempt',
      ...(await call(`/v1/orders/${id}/payments`, { channel, scene: 'qr' })),
    }),
    async (notice) => ({ what: 'notification', notice, ...(await crowd.post(notice)) }),
  ];
  const told: Told[] = [];
  const ended = openLoop(notices.length * kinds.length, EVERY_MS, async (index) => {
    const notice = notices[Math.floor(index / kinds.length)];
    const kind = kinds[index % kinds.length];
    const sentAt = performance.now();
    if (notice !== undefined && kind !== undefined) told.push({ sentAt, ...(await kind(notice)) });
  });
  return { told, ended };
}

async function allDelivered({ sql }: Fleet): Promise<boolean> {
  const [row] = await sql<{ n: string }[]>`SELECT count(*) AS n FROM outbox WHERE done_at IS NULL`;
  return row?.n === '0';
}

export async function postgresDown(fleet: Fleet, crowd: Crowd, api: Proc, seconds: number): Promise<void> {
  const count = Math.ceil((BEFORE_MS + seconds * 1_000 + AFTER_MS) / (3 * EVERY_MS));
  const orders = await crowd.unpaid(count);
  const notices = orders.map((order) => crowd.newNotice(order));
  const begin = Date.now();
  const { told, ended } = stream(fleet, crowd, api, notices);
  await pauseUntil(begin + BEFORE_MS);
  await fleet.postgres.kill();
  const goneAt = performance.now();
  await pauseUntil(begin + BEFORE_MS + seconds * 1_000);
  const returnsAt = performance.now();
  await fleet.postgres.start();
  await ended;

  const during = told.filter(({ sentAt, ms }) => sentAt > goneAt && sentAt + ms < returnsAt);
  const refusals = told.filter((one) => !isSuccess(one));
  expect(during.length).toBeGreaterThan(0);
  expect(during.filter(isSuccess), 'nothing is promised meanwhile').toEqual([]);
  expect(refusals.filter(({ status }) => status !== 503)).toEqual([]);
  expect(refusals.filter(({ ms }) => ms >= REFUSED_WITHIN_MS)).toEqual([]);
  const none = { orders: 0, payments: 0, notices: 0 };
  expect(await missing(fleet, promised(told)), 'every 2xx has its row').toEqual(none);

  await sendAgain(
    crowd,
    refusals.flatMap(({ notice }) => notice ?? []),
  );
  const areAll = async (): Promise<boolean> =>
    (await allDelivered(fleet)) && (await countPaid(fleet, orders)) === orders.length;
  const delivered = await within(DRAINED_WITHIN_MS, 'all is delivered', areAll);
  say(`PostgreSQL down for ${seconds} s`, {
    'refusals meanwhile': spread(during.map(({ ms }) => ms)),
    'all refusals': spread(refusals.map(({ ms }) => ms)),
    'all delivered after': delivered,
  });
  await expectAllPromises(fleet);
}
