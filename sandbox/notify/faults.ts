import { type Channel, CHANNELS, SMS_PROVIDERS, type SmsProvider } from '../gateway.js';
import type { Store } from '../state/store.js';
import { hex } from '../values/random.js';

/** The provider calls that a fault can be narrowed to. */
export const OPERATIONS = [
  'create',
  'query',
  'close',
  'refund',
  'refundQuery',
  'payout',
  'payoutQuery',
  'payoutCancel',
  'bill',
  'billDownload',
  'send',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Where something goes wrong; `sms` is both providers of SMS. */
export const FAULT_PLACES = [...CHANNELS, ...SMS_PROVIDERS, 'sms'] as const;
export type FaultPlace = (typeof FAULT_PLACES)[number];

/** What goes wrong next at one channel, as an operator asked for it. */
export interface FaultRequest {
  readonly channel: FaultPlace;
  /** Extra deliveries, sent together with the first. */
  readonly duplicate: number;
  /** Real ms before the first delivery. */
  readonly delayMs: number;
  /** The notification is never delivered, nor re-sent. */
  readonly drop: boolean;
  /** The notification is held back until the next one has gone. */
  readonly reorder: boolean;
  readonly tamper: boolean;
  readonly wrongKey: boolean;
  readonly signtest: boolean;
  /** The event itself says something wrong, under a right signature, in every delivery. */
  readonly wrongAmount: boolean;
  readonly wrongMerchant: boolean;
  readonly wrongOrder: boolean;
  /** Real ms before a provider call is answered; it has been applied by then. */
  readonly hangMs: number;
  /** Share of provider calls, 0 to 1, that are answered with a system error and not applied. */
  readonly errorRate: number;
  /** The provider call is applied and never answered. */
  readonly requestTimeout: boolean;
  /** New payouts are refused, because the merchant's balance is too low. */
  readonly lowBalance: boolean;
  /** Bills are refused, because they are not made yet. */
  readonly billNotReady: boolean;
  /** New messages are refused for business reasons, with this code of the provider's; null when they are not. */
  readonly refuse: string | null;
  /** Only these provider calls; null for all. */
  readonly operation: Operation | null;
  /** How many notifications, and how many provider calls, are touched; null when the caller did not say. */
  readonly times: number | null;
}

/** A fault in force. */
export interface Fault extends FaultRequest {
  readonly id: string;
  readonly notificationsLeft: number;
  /** Null: until the faults are cleared. */
  readonly callsLeft: number | null;
}

/** All that is wrong with one notification. */
export interface NotificationFault {
  readonly duplicate: number;
  readonly delayMs: number;
  readonly drop: boolean;
  readonly hold: boolean;
  readonly tamper: boolean;
  readonly wrongKey: boolean;
  readonly signtest: boolean;
  readonly wrongAmount: boolean;
  readonly wrongMerchant: boolean;
  readonly wrongOrder: boolean;
}

/** All that is wrong with one provider call. */
export interface CallFault {
  readonly hangMs: number;
  readonly fails: boolean;
  readonly requestTimeout: boolean;
  readonly lowBalance: boolean;
  readonly billNotReady: boolean;
  readonly refuse: string | null;
}

export function touchesNotifications(fault: FaultRequest): boolean {
  return (
    fault.duplicate > 0 ||
    fault.delayMs > 0 ||
    fault.drop ||
    fault.reorder ||
    fault.tamper ||
    fault.wrongKey ||
    fault.signtest ||
    fault.wrongAmount ||
    fault.wrongMerchant ||
    fault.wrongOrder
  );
}

/** The only calls that a fault touches; null for all. */
function operationOf(fault: FaultRequest): Operation | null {
  if (fault.operation !== null) return fault.operation;
  if (fault.lowBalance) return 'payout';
  if (fault.billNotReady) return 'bill';
  return fault.refuse ? 'send' : null;
}

export function touchesCalls(fault: FaultRequest): boolean {
  return (
    fault.hangMs > 0 ||
    fault.errorRate > 0 ||
    fault.requestTimeout ||
    fault.lowBalance ||
    fault.billNotReady ||
    Boolean(fault.refuse)
  );
}

function isAt(one: FaultPlace, other: FaultPlace): boolean {
  const isSms = (place: FaultPlace): boolean => SMS_PROVIDERS.some((name) => name === place);
  return one === other || (one === 'sms' && isSms(other)) || (other === 'sms' && isSms(one));
}

/** The faults in force, by channel. Each counts down as it is used. */
export class Faults {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  list(channel: FaultPlace | null): Fault[] {
    return [...this.#store.faults.values()].filter(
      (fault) => channel === null || isAt(fault.channel, channel),
    );
  }

  add(request: FaultRequest): Fault {
    const id = hex(16);
    const lasting = request.times === null && !request.requestTimeout;
    return this.#store.faults.set(id, {
      ...request,
      id,
      notificationsLeft: touchesNotifications(request) ? (request.times ?? 1) : 0,
      // A slow or failing provider stays so until it is mended; a lost answer is one event.
      callsLeft: touchesCalls(request) ? (lasting ? null : (request.times ?? 1)) : 0,
    });
  }

  clear(channel: FaultPlace | null): void {
    for (const fault of this.list(channel)) this.#store.faults.delete(fault.id);
  }

  /** What is wrong with the channel's next notification; uses up one count of each fault. */
  takeForNotification(channel: Channel): NotificationFault {
    const active = this.list(channel).filter((fault) => fault.notificationsLeft > 0);
    for (const fault of active) this.#keep({ ...fault, notificationsLeft: fault.notificationsLeft - 1 });
    const some = (is: (fault: Fault) => boolean): boolean => active.some(is);
    return {
      duplicate: Math.max(0, ...active.map((fault) => fault.duplicate)),
      delayMs: Math.max(0, ...active.map((fault) => fault.delayMs)),
      drop: some((fault) => fault.drop),
      // The last of several goes straight out, so that those held before it follow in reverse.
      hold: some((fault) => fault.reorder && (fault.notificationsLeft > 1 || (fault.times ?? 1) === 1)),
      tamper: some((fault) => fault.tamper),
      wrongKey: some((fault) => fault.wrongKey),
      signtest: some((fault) => fault.signtest),
      wrongAmount: some((fault) => fault.wrongAmount),
      wrongMerchant: some((fault) => fault.wrongMerchant),
      wrongOrder: some((fault) => fault.wrongOrder),
    };
  }

  /** What is wrong with this provider call; uses up one count of each fault that applies to it. */
  takeForCall(channel: Channel | SmsProvider, operation: Operation): CallFault {
    const active = this.list(channel).filter(
      (fault) => fault.callsLeft !== 0 && (operationOf(fault) === null || operationOf(fault) === operation),
    );
    for (const fault of active) {
      if (fault.callsLeft !== null) this.#keep({ ...fault, callsLeft: fault.callsLeft - 1 });
    }
    return {
      hangMs: Math.max(0, ...active.map((fault) => fault.hangMs)),
      fails: active.some((fault) => Math.random() < fault.errorRate),
      requestTimeout: active.some((fault) => fault.requestTimeout),
      lowBalance: active.some((fault) => fault.lowBalance),
      billNotReady: active.some((fault) => fault.billNotReady),
      refuse: active.find((fault) => fault.refuse)?.refuse ?? null,
    };
  }

  #keep(fault: Fault): void {
    if (fault.notificationsLeft === 0 && fault.callsLeft === 0) this.#store.faults.delete(fault.id);
    else this.#store.faults.set(fault.id, fault);
  }
}
