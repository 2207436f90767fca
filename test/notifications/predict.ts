/** What the model says of an order: its script, read through the table of effects. */
import type { InboxState } from '../../db/schema.js';
import type { MoneyState } from '../../domain/order-status.js';
import { EFFECTS, type Effect } from './classes.js';
import { ANSWERS } from './letters.js';
import type { Played, Sent } from './perform.js';

/** How an order, and all that hangs on it, stands at the end. Lists are sorted texts, to be compared as they are. */
export interface Outcome {
  money: MoneyState;
  captured: number;
  /** Postings of its payment. */
  payments: number;
  /** `channel eventKey state` of every notification that was sent. */
  inbox: string[];
  /** `channel/trade/number`, with whether the item says that money is in suspense. */
  items: string[];
  /** `channel/trade amount` of every trade that has money there. */
  suspense: string[];
  /** `channel/number amount succeeded`, in our books and at the provider alike. */
  refunds: string[];
  refundsAtProvider: string[];
}

const effectOf = ({ telling }: Sent): Effect => EFFECTS[telling.effect];

/** An order of which two attempts were paid takes either, and the other goes back: the one thing that is left open. */
export function payersOf({ script, attempts }: Played): (string | null)[] {
  return script.fate === 'paid' ? attempts.map(({ outTradeNo }) => outTradeNo) : [null];
}

/** @param paidBy the number of the attempt that paid it, one of `payersOf` */
export function predict(played: Played, paidBy: string | null): Outcome {
  const { script, attempts, sent } = played;
  const goesBack = script.fate === 'unpaid' ? [] : attempts.filter(({ outTradeNo }) => outTradeNo !== paidBy);
  const refunds = goesBack
    .map(({ channel, outTradeNo }) => `${channel}/${outTradeNo} ${script.amountFen} succeeded`)
    .sort();
  return {
    money: moneyOf(played),
    captured: paidBy === null ? 0 : script.amountFen,
    payments: paidBy === null ? 0 : 1,
    inbox: unique(sent.flatMap((one) => rowOf(one, paidBy))),
    items: unique(
      sent.flatMap((one) =>
        effectOf(one).item === 'open'
          ? [`${itemOf(one)} ${effectOf(one).suspense ? 'in suspense' : ''}`]
          : [],
      ),
    ),
    suspense: unique(sent.flatMap(suspendedBy)),
    refunds,
    refundsAtProvider: refunds,
  };
}

function moneyOf({ script }: Played): MoneyState {
  if (script.fate === 'unpaid') return 'unpaid';
  if (script.fate === 'late') return 'closed';
  return script.kind === 'deal' && !script.confirmed ? 'held' : 'released';
}

function rowOf(one: Sent, paidBy: string | null): string[] {
  const { row } = effectOf(one);
  const state: InboxState | null =
    row === 'as the payment' ? (one.outTradeNo === paidBy ? 'applied' : 'returned') : row;
  return state === null ? [] : [`${one.telling.route} ${one.telling.eventKey} ${state}`];
}

export function itemOf({ telling, tradeNo, outTradeNo }: Sent): string {
  return `${telling.route}/${tradeNo}/${outTradeNo}`;
}

/** Items that may be there, and may be resolved: which of two tellings of a trade came first is left open. */
export function possibleItems({ sent }: Played): Set<string> {
  return new Set(sent.filter((one) => effectOf(one).item === 'open or resolved').map(itemOf));
}

function suspendedBy(one: Sent): string[] {
  const { route, amountFen } = one.telling;
  return effectOf(one).suspense ? [`${route}/${one.tradeNo} ${amountFen}`] : [];
}

/** Sends that were answered in other words than the provider is to hear. */
export function wrongAnswers({ sent }: Played): string[] {
  return sent.flatMap((one) => {
    const { route, class: name, effect, damage } = one.telling;
    const wanted = ANSWERS[route][effectOf(one).answer];
    return one.answer === wanted ? [] : [`${name} (${damage ?? effect}) at ${route}: ${one.answer}`];
  });
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)].sort();

/** What went into each account, by the model. */
export function predictedAccounts(
  of: readonly Played[],
  paidBy: (orderNo: string) => string | null,
): Record<string, number> {
  const sums: Record<string, number> = {};
  const add = (account: string, amount: number): void => {
    sums[account] = (sums[account] ?? 0) + amount;
  };
  const PLACES = { topup: 'user:*:cash', package: 'platform:sales' };
  for (const played of of) {
    const { script, sent, attempts } = played;
    const payer = attempts.find(({ outTradeNo }) => outTradeNo === paidBy(played.orderNo));
    if (payer !== undefined) {
      const { kind, confirmed, amountFen } = script;
      const place = kind !== 'deal' ? PLACES[kind] : confirmed ? 'user:*:withdrawable' : 'hold:*';
      add(place, amountFen);
      add(`channel:${payer.channel}`, -amountFen);
    }
    for (const one of sent.filter((each) => effectOf(each).suspense)) {
      add('platform:suspense', one.telling.amountFen);
      add(`channel:${one.telling.route}`, -one.telling.amountFen);
    }
  }
  return sums;
}
