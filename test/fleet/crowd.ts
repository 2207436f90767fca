/** Many orders that wait for their payment, and the notifications that pay them, posted as providers post them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { each } from '../../bench/stats.js';
import { ANSWERS, openPosts, type LetterChannel } from '../notifications/letters.js';
import { type Order, type Person, openShop } from '../e2e/shop.js';
import { eventually } from '../e2e/wait.js';
import type { Fleet, Proc } from './fleet.js';

const AMOUNT = 1_300;
const AT_ONCE = 6;
const SELLERS = 5;
/** A caller that hears nothing has been let down, whatever comes later. */
const PATIENCE_MS = 15_000;

export interface Waiting {
  id: string;
  orderNo: string;
  outTradeNo: string;
  channel: LetterChannel;
}

export interface Answered {
  /** 0: nothing came, or the connection broke. */
  status: number;
  body: string;
  ms: number;
}

/** One payment of one order: its notification may be posted any number of times. */
export interface Notice {
  order: Waiting;
  eventKey: string;
  tradeNo: string;
}

export interface Crowd {
  buyer: Person;
  sellers: readonly Person[];
  /** Creates orders with an open attempt at a provider each, half of them at Alipay and half at WeChat. */
  unpaid(count: number, wish?: object): Promise<Waiting[]>;
  /** Of a trade of its own, that the provider itself knows nothing of: nothing but the notification pays. */
  newNotice(order: Waiting): Notice;
  post(notice: Notice, api?: Proc): Promise<Answered>;
  isAccepted(notice: Notice, answer: Answered): boolean;
}

/** Sends anything to an API. Never throws: that nothing came is an answer too. */
export async function ask(url: string, init: RequestInit): Promise<Answered> {
  const begin = performance.now();
  const taken = (): number => performance.now() - begin;
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
    const body = await response.text();
    return { status: response.status, body, ms: taken() };
  } catch (error) {
    return { status: 0, body: String((error as Error).cause ?? error), ms: taken() };
  }
}

/** @param api through which the orders are made */
export async function openCrowd(fleet: Fleet, api: Proc): Promise<Crowd> {
  const shop = openShop({ api: fleet.http(api), sandbox: fleet.sandbox });
  const posts = await openPosts(fleet.home);
  const buyer = await shop.addPerson();
  const sellers = await Promise.all(Array.from({ length: SELLERS }, () => shop.addPerson()));

  const newOrder = async (index: number, wish: object): Promise<Waiting> => {
    const seller = sellers[index % SELLERS] ?? buyer;
    // A caller repeats what got 503: the test before may have taken the database away.
    const order = await eventually<Order>('the order is taken', () =>
      shop.newOrder({ buyer, seller, amount: AMOUNT, ...wish }),
    );
    const channel = index % 2 === 0 ? 'alipay' : 'wechat';
    const { outTradeNo } = await eventually('the attempt is opened', () => shop.openAttempt(order, channel));
    return { id: order.id, orderNo: order.orderNo, outTradeNo, channel };
  };

  return {
    buyer,
    sellers,
    unpaid: async (count, wish = {}) => {
      const made: Waiting[] = [];
      await each([...Array(count).keys()], AT_ONCE, async (index) => {
        made[index] = await newOrder(index, wish);
      });
      return made;
    },
    newNotice: (order) => ({ order, eventKey: randomUUID(), tradeNo: randomBytes(14).toString('hex') }),
    post: async ({ order: { channel, outTradeNo }, eventKey, tradeNo }, to = api) => {
      const { headers, body } = await posts[channel]({
        eventKey,
        outTradeNo,
        tradeNo,
        amountFen: AMOUNT,
        currency: 'CNY',
        says: 'paid',
        merchant: 'ours',
        damage: null,
        agoMs: 0,
      });
      return ask(`${to.url}/webhooks/${channel}`, { method: 'POST', headers, body });
    },
    isAccepted: ({ order }, { status, body }) => `${status} ${body}` === ANSWERS[order.channel].success,
  };
}

/** How many of the orders have their money held, or further on. */
export async function countPaid({ sql }: Fleet, orders: readonly Waiting[]): Promise<number> {
  const numbers = orders.map(({ orderNo }) => orderNo);
  const [row] = await sql<{ n: string }[]>`
    SELECT count(*) AS n FROM orders WHERE order_no = ANY (${numbers}) AND money IN ('held', 'released')`;
  return Number(row?.n ?? 0);
}

/** How many of these notifications are rows. */
export async function countStored({ sql }: Fleet, notices: readonly Notice[]): Promise<number> {
  const keys = notices.map(({ eventKey }) => eventKey);
  const [row] = await sql<{ n: string }[]>`
    SELECT count(*) AS n FROM inbox WHERE source = 'notification' AND event_key = ANY (${keys})`;
  return Number(row?.n ?? 0);
}

/** Whether every one of the orders' workflows has been started. */
export async function allStarted({ sql }: Fleet, orders: readonly Waiting[]): Promise<boolean> {
  const numbers = orders.map(({ orderNo }) => orderNo);
  const [row] = await sql<{ n: string }[]>`
    SELECT count(*) AS n FROM outbox WHERE order_no = ANY (${numbers}) AND done_at IS NULL`;
  return row?.n === '0';
}
