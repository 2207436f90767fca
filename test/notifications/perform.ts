/** Plays an order's script out: the order and its attempts by the product's own commands, the rest by HTTP. */
import { eq } from 'drizzle-orm';
import { cancelOrder, confirmOrder } from '../../commands/decide-order.js';
import { payByProvider } from '../../commands/pay-order.js';
import { type OrderRow, type PaymentRow, orderByNo } from '../../db/orders.js';
import { outbox } from '../../db/schema.js';
import { type ErrorCode, HoldfastError } from '../../domain/errors.js';
import { fen } from '../../domain/money.js';
import { BY_TEST } from '../support/journeys.js';
import { newOrder, until } from '../support/world.js';
import type { ClassName } from './classes.js';
import type { Letter, LetterChannel } from './letters.js';
import { type Script, allTellings } from './scripts.js';
import type { Stage } from './stage.js';
import type { Phase, Telling, Unit } from './tellings.js';

export interface Sent {
  telling: Telling;
  /** The transaction that it named. */
  tradeNo: string;
  outTradeNo: string;
  /** Status and body. */
  answer: string;
  /** How often it was told to come again, which happens on a machine that is busy with other things. */
  again: number;
}

export interface Played {
  script: Script;
  orderNo: string;
  /** Of its attempts: what the provider knows each by, and the transaction that pays it there. */
  attempts: { channel: LetterChannel; outTradeNo: string; tradeNo: string }[];
  sent: Sent[];
  /** The classes that have really come about. */
  met: Set<ClassName>;
}

/** An order under way, between the parts of its script. */
export interface Act extends Played {
  stage: Stage;
  order: OrderRow;
  letters: Map<string, Letter>;
}

// Long enough to open an attempt on a busy machine, and before the first question about it.
const EXPIRES_IN_MS = 8_000;
const MOST_RESENDS = 8;

/** The order is opened, told of what comes first, and closed where it is not to expire. */
export async function begin(stage: Stage, script: Script): Promise<Act> {
  const act = await opened(stage, script);
  await tell(act, 'before');
  if (script.fate === 'late' && script.closesBy === 'cancel') {
    await insisting(async () => cancelOrder(stage.context, await orderNow(act), 'changed my mind', BY_TEST));
  }
  return act;
}

/** The payment and what follows; an order that is to expire must have had the time for it. */
export async function goOn(act: Act): Promise<void> {
  const { stage, script, order, met } = act;
  if (script.fate === 'late') {
    await stage.changed(order.orderNo, 'unpaid');
    await paidAtProvider(act);
    met.add('late');
  }
  await tell(act, 'with');
  if (script.fate === 'paid') await stage.changed(order.orderNo, 'unpaid');
  if (script.confirmed) {
    await insisting(async () => confirmOrder(stage.context, await orderNow(act), BY_TEST));
  }
  await tell(act, 'after');
}

const orderNow = ({ stage, orderNo }: Act): Promise<OrderRow> => orderByNo(stage.db, orderNo);

const LONGEST_REPEAT_MS = 60_000;
const REPEATABLE: readonly ErrorCode[] = ['unavailable', 'conflict'];

/**
 * Calls again where the answer asks for it: no answer in time, or the order has moved on. Any other refusal is left
 * to the comparison with the model, which says what the order is instead.
 */
async function insisting(call: () => Promise<unknown>): Promise<void> {
  const begunAt = Date.now();
  await until(async () => {
    try {
      await call();
      return true;
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      return !REPEATABLE.includes(error.code) || Date.now() - begunAt > LONGEST_REPEAT_MS;
    }
  });
}

async function opened(stage: Stage, script: Script): Promise<Act> {
  const { context } = stage;
  const { kind, amountFen, channel, secondAt, classes, fate, closesBy } = script;
  const isFirst = classes.includes('before its workflow');
  const asleep = { ...context.inline, start: () => undefined, drain: () => Promise.resolve() };
  const order = await newOrder(
    { ...context, inline: isFirst ? asleep : { ...context.inline, drain: asleep.drain } },
    {
      kind,
      amountFen: fen(amountFen),
      ...(fate === 'late' && closesBy === 'expiry' && { expiresInMs: EXPIRES_IN_MS }),
    },
  );
  const open = (wish: Pick<PaymentRow, 'scene'> & { channel: LetterChannel }): Promise<PaymentRow> =>
    payByProvider(context, order, {
      ...wish,
      openid: null,
      clientIp: '203.0.113.7',
      returnUrl: null,
      by: 'test',
    });
  const payments = [await open({ channel, scene: 'app' })];
  if (classes.includes('second')) payments.push(await open({ channel: secondAt, scene: 'h5' }));
  const act: Act = {
    stage,
    script,
    order,
    orderNo: order.orderNo,
    attempts: payments.map(({ outTradeNo }, nth) => ({
      channel: nth === 0 ? channel : secondAt,
      outTradeNo,
      tradeNo: `real-${outTradeNo}`,
    })),
    sent: [],
    met: new Set(),
    letters: new Map(),
  };
  if (fate === 'late' || classes.includes('second')) await broughtToProvider(act);
  if (classes.includes('second')) await paidAtProvider(act);
  if (isFirst) await expectNoWorkflowYet(act);
  return act;
}

const tradeAt = async ({ stage }: Act, method: string, route: string, body?: object): Promise<string> => {
  const trade = await stage.flow.providers.control(method, route, body);
  return (trade as { tradeNo: string }).tradeNo;
};

/** The buyer's device has brought every attempt there, so that each has a transaction. */
async function broughtToProvider(act: Act): Promise<void> {
  for (const attempt of act.attempts) {
    const { channel, outTradeNo } = attempt;
    // An Alipay app payment begins there when the buyer opens it; WeChat Pay knew it when it was opened here.
    attempt.tradeNo = await (channel === 'alipay'
      ? tradeAt(act, 'POST', '/trades', { channel, outTradeNo, amount: act.script.amountFen })
      : tradeAt(act, 'GET', `/trades/${outTradeNo}?channel=${channel}`));
  }
}

/** The buyer pays every attempt there, also one that is closed: so the provider has something to give back. */
async function paidAtProvider(act: Act): Promise<void> {
  for (const { channel, outTradeNo } of act.attempts) {
    const asOnASlowCashier = { notify: false, force: true };
    await tradeAt(act, 'POST', `/trades/${outTradeNo}/pay?channel=${channel}`, asOnASlowCashier);
  }
}

/** A start that the relay has made meanwhile, on a slow machine, does not count. */
async function expectNoWorkflowYet({ stage, orderNo, met }: Act): Promise<void> {
  const [row] = await stage.db.select().from(outbox).where(eq(outbox.orderNo, orderNo));
  if (row?.doneAt === null) met.add('before its workflow');
}

async function tell(act: Act, phase: Phase): Promise<void> {
  const units = act.script.units.filter((unit) => unit.phase === phase);
  await Promise.all(units.map((unit) => tellUnit(act, unit)));
}

async function tellUnit(act: Act, { steps }: Unit): Promise<void> {
  for (const step of steps) await Promise.all(step.map((telling) => send(act, telling)));
}

async function send(act: Act, telling: Telling): Promise<void> {
  const { stage, attempts, letters, sent, met } = act;
  const attempt = attempts[telling.attempt - 1];
  const named = telling.trade === 'own' ? undefined : attempts[telling.trade - 1];
  if (attempt === undefined) throw new Error(`there is no attempt ${telling.attempt}`);
  const { outTradeNo } = attempt;
  const tradeNo = named?.tradeNo ?? `own-${telling.eventKey}`;
  const recorded = telling.class === 'replayed' && telling.route === 'alipay';
  const letter =
    (recorded ? letters.get(telling.eventKey) : undefined) ??
    (await stage.posts[telling.route]({ ...telling, outTradeNo, tradeNo }));
  letters.set(telling.eventKey, letter);
  let answer = await stage.deliver(telling.route, letter);
  // So a provider does that is told to come again; what it is told in the end is what counts.
  let again = 0;
  for (; answer.startsWith('503') && again < MOST_RESENDS; again += 1) {
    answer = await stage.deliver(telling.route, letter);
  }
  sent.push({ telling, tradeNo, outTradeNo, answer, again });
  if (telling.class !== 'plain' && telling.class !== 'duplicate') met.add(telling.class);
  if (telling.class === 'duplicate' && isWhole(act)) met.add('duplicate');
}

const duplicates = (tellings: readonly Telling[]): number =>
  tellings.filter((telling) => telling.class === 'duplicate').length;

function isWhole({ script, sent }: Act): boolean {
  return duplicates(sent.map(({ telling }) => telling)) === duplicates(allTellings(script));
}
