import type { Channel, NotificationWire } from '../gateway.js';
import type { Dispute } from '../state/disputes.js';
import type { Payout } from '../state/payouts.js';
import type { Refund } from '../state/refunds.js';
import type { Store } from '../state/store.js';
import type { Trade } from '../state/trades.js';
import { hex } from '../values/random.js';
import type { Delivery, NotificationEvent, SendTreatment } from './events.js';
import type { Faults, NotificationFault } from './faults.js';
import { post } from './post.js';

// A held notification goes out after this long even when no other one comes to overtake it.
const HELD_AT_MOST_MS = 5_000;
// setTimeout takes no longer delay; a slowed-down schedule is waited for in pieces.
const LONGEST_TIMER_MS = 2 ** 31 - 1;
// As many deliveries at once as a merchant's listen queue takes without refusing any.
const DELIVERIES_AT_ONCE = 64;

const UNTOUCHED: SendTreatment = { tamper: false, wrongKey: false, signtest: false };

type Announced = Pick<NotificationEvent, 'channel' | 'outTradeNo' | 'tradeNo' | 'kind' | 'url' | 'facts'>;

/** What the notifier works with. */
export interface NotifierParts {
  readonly store: Store;
  readonly faults: Faults;
  readonly wireOf: (channel: Channel) => NotificationWire;
  /** Provider retry pauses are divided by this. */
  readonly speed: number;
  /** Told of errors that nobody waits for. */
  readonly report: (error: unknown) => void;
}

/**
 * Delivers notifications as the providers do: until acknowledged, on each provider's own schedule. What is
 * due is part of the stored state, so deliveries go on after a restart.
 */
export class Notifier {
  readonly #parts: NotifierParts;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #held = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #queue: (() => void)[] = [];
  #delivering = 0;

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  /** Takes up what was due when the sandbox stopped. */
  resume(): void {
    for (const event of this.#parts.store.events.values()) if (event.state === 'due') this.#arm(event);
  }

  /** Ends at once; a delivery that is cut off is made again after the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const go of this.#queue.splice(0)) go();
    await Promise.all(this.#running);
  }

  /**
   * Notifies the merchant of a payment, or of a refund.
   * @returns the event's id after it is on disk
   */
  async announce(trade: Trade, refund: Refund | null, url: string): Promise<string> {
    const { channel, outTradeNo, tradeNo } = trade;
    const fault = this.#parts.faults.takeForNotification(channel);
    const facts = this.#parts
      .wireOf(channel)
      .facts(twistedTrade(trade, fault), twistedRefund(refund, fault), fault);
    return this.#enter(
      { channel, outTradeNo, tradeNo, kind: refund ? 'refund' : 'payment', url, facts },
      fault,
    );
  }

  /**
   * Notifies the merchant of what became of a payout, where the provider tells of that.
   * @returns the event's id after it is on disk; null when there is none
   */
  async announcePayout(payout: Payout, notify: boolean | null): Promise<string | null> {
    const { channel, outPayoutNo: outTradeNo, payoutNo: tradeNo, notifyUrl: url } = payout;
    const wire = this.#parts.wireOf(channel).payouts;
    if (url === null || !wire?.tellsOf(payout, notify)) return null;
    const fault = this.#parts.faults.takeForNotification(channel);
    const facts = wire.facts(twistedPayout(payout, fault), fault);
    return this.#enter({ channel, outTradeNo, tradeNo, kind: 'payout', url, facts }, fault);
  }

  /**
   * Notifies the merchant of a dispute, where the provider has such a thing.
   * @returns the event's id after it is on disk; null when there is none
   */
  async announceDispute(dispute: Dispute, trade: Trade): Promise<string | null> {
    const { channel, outTradeNo, tradeNo, notifyUrl: url } = trade;
    const wire = this.#parts.wireOf(channel).disputes;
    if (url === null || !wire) return null;
    const fault = this.#parts.faults.takeForNotification(channel);
    const told = { ...dispute, amount: dispute.amount + (fault.wrongAmount ? 1 : 0) };
    return this.#enter(
      { channel, outTradeNo, tradeNo, kind: 'dispute', url, facts: wire.facts(told, fault) },
      fault,
    );
  }

  async #enter(what: Announced, fault: NotificationFault): Promise<string> {
    const { store, wireOf } = this.#parts;
    const now = Date.now();
    const event: NotificationEvent = {
      ...what,
      eventId: wireOf(what.channel).newEventId(),
      createdAt: now,
      state: fault.drop ? 'dropped' : 'due',
      dueAt: now + fault.delayMs + (fault.hold ? HELD_AT_MOST_MS : 0),
      held: fault.hold,
      attempts: 0,
      resends: 0,
      duplicate: fault.duplicate,
      treatment: { tamper: fault.tamper, wrongKey: fault.wrongKey, signtest: fault.signtest },
    };
    store.events.set(event.eventId, event);
    if (fault.drop) this.#record(undelivered(event, 'dropped'));
    await store.commit();
    if (event.state === 'due') this.#arm(event);
    return event.eventId;
  }

  #arm(event: NotificationEvent): void {
    if (this.#stop.signal.aborted) return;
    if (event.held) this.#held.add(event.eventId);
    const delay = Math.min(Math.max(0, event.dueAt - Date.now()), LONGEST_TIMER_MS);
    this.#timers.set(
      event.eventId,
      setTimeout(() => this.#fire(event.eventId), delay),
    );
  }

  #fire(eventId: string): void {
    this.#timers.delete(eventId);
    const event = this.#parts.store.events.get(eventId);
    if (event?.state !== 'due') return;
    if (event.dueAt - Date.now() > 1) this.#arm(event);
    else if (event.held) this.#run(this.#releaseHeld(eventId));
    else this.#run(this.#deliver(eventId));
  }

  #run(work: Promise<void>): void {
    const watched: Promise<void> = work
      .catch(this.#parts.report)
      .finally(() => this.#running.delete(watched));
    this.#running.add(watched);
  }

  /** Sends what was held back at the channel of this event, the latest first. */
  async #releaseHeld(eventId: string): Promise<void> {
    const { store } = this.#parts;
    const channel = store.events.get(eventId)?.channel;
    const held = [...this.#held].filter((id) => store.events.get(id)?.channel === channel).reverse();
    for (const id of held) {
      clearTimeout(this.#timers.get(id));
      this.#timers.delete(id);
      this.#held.delete(id);
    }
    for (const id of held) {
      const event = store.events.get(id);
      if (!event || this.#stop.signal.aborted) return;
      store.events.set(id, { ...event, held: false, dueAt: Date.now() });
      await this.#deliver(id);
    }
  }

  async #deliver(eventId: string): Promise<void> {
    await this.#turn();
    let first = false;
    try {
      const event = this.#parts.store.events.get(eventId);
      if (!event || this.#stop.signal.aborted) return;
      first = event.attempts === 0;
      await this.#attempt(event, first);
    } finally {
      this.#delivering -= 1;
      this.#queue.shift()?.();
    }
    // After the turn was given back: those held need turns of their own.
    if (first) await this.#releaseHeld(eventId);
  }

  async #attempt(event: NotificationEvent, first: boolean): Promise<void> {
    const copies = first ? 1 + event.duplicate : 1;
    const treatment = first ? event.treatment : UNTOUCHED;
    const deliveries = await Promise.all(
      Array.from({ length: copies }, (_, copy) => this.#send(event, event.attempts + copy + 1, treatment)),
    );
    // Cut off by stop(): whether it arrived is unknown, so it stays due.
    if (this.#stop.signal.aborted) return;
    for (const delivery of deliveries) this.#record(delivery);
    const acknowledged = deliveries.some((delivery) => delivery.acknowledged);
    this.#schedule(event, copies, acknowledged);
    await this.#parts.store.commit();
  }

  async #send(event: NotificationEvent, attempt: number, treatment: SendTreatment): Promise<Delivery> {
    const wire = this.#parts.wireOf(event.channel);
    const sentAt = Date.now();
    const sent = { ...undelivered(event, null), attempt, sentAt };
    try {
      const message = await wire.render(event, treatment);
      const answer = await post(event.url, message, wire.answerWithinMs, this.#stop.signal);
      const acknowledged = wire.acknowledges(answer.status, answer.body);
      return { ...sent, ...answer, acknowledged, durationMs: Date.now() - sentAt };
    } catch (error) {
      // An unreachable merchant is an outcome to show, and a reason to send again.
      const reason = error instanceof Error ? error.message : String(error);
      return { ...sent, error: reason, durationMs: Date.now() - sentAt };
    }
  }

  #schedule(event: NotificationEvent, copies: number, acknowledged: boolean): void {
    const { store, speed, wireOf } = this.#parts;
    const sent = { ...event, attempts: event.attempts + copies };
    const pause = wireOf(event.channel).retryDelaysMs[event.resends];
    if (acknowledged || pause === undefined) {
      store.events.set(event.eventId, { ...sent, state: acknowledged ? 'acknowledged' : 'exhausted' });
      return;
    }
    const next = { ...sent, resends: event.resends + 1, dueAt: Date.now() + pause / speed };
    this.#arm(store.events.set(event.eventId, next));
  }

  #record(delivery: Delivery): void {
    this.#parts.store.deliveries.set(`${delivery.eventId}:${delivery.attempt}`, delivery);
  }

  /** Waits until fewer than the most deliveries are under way; each caller gives its turn back. */
  async #turn(): Promise<void> {
    if (this.#delivering >= DELIVERIES_AT_ONCE && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#queue.push(resolve);
      });
    }
    this.#delivering += 1;
  }
}

function undelivered(event: NotificationEvent, error: string | null): Delivery {
  const { channel, outTradeNo, tradeNo, eventId, kind, url } = event;
  return {
    channel,
    outTradeNo,
    tradeNo,
    eventId,
    kind,
    url,
    attempt: 1,
    sentAt: event.createdAt,
    durationMs: 0,
    status: null,
    error,
    body: null,
    acknowledged: false,
  };
}

function twistedTrade(trade: Trade, fault: NotificationFault): Trade {
  const paidAmount = (trade.paidAmount ?? trade.amount) + (fault.wrongAmount ? 1 : 0);
  return {
    ...trade,
    amount: trade.amount + (fault.wrongAmount ? 1 : 0),
    paidAmount,
    outTradeNo: fault.wrongOrder ? hex(16) : trade.outTradeNo,
  };
}

function twistedRefund(refund: Refund | null, fault: NotificationFault): Refund | null {
  if (!refund || !fault.wrongAmount) return refund;
  return { ...refund, amount: refund.amount + 1 };
}

function twistedPayout(payout: Payout, fault: NotificationFault): Payout {
  return {
    ...payout,
    amount: payout.amount + (fault.wrongAmount ? 1 : 0),
    outPayoutNo: fault.wrongOrder ? hex(16) : payout.outPayoutNo,
  };
}
