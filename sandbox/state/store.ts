import { join } from 'node:path';
import type { Difference } from '../bills/desk.js';
import type { Fault } from '../notify/faults.js';
import type { Delivery, NotificationEvent } from '../notify/events.js';
import type { RememberedAnswer } from '../gateways/stripe/idempotency.js';
import { compactJournal, readJournal, type Journal, type JournalEntry } from './journal.js';
import type { Sms } from '../gateways/sms/messages.js';
import type { Payout } from './payouts.js';
import type { Dispute } from './disputes.js';
import type { Refund } from './refunds.js';
import type { Trade } from './trades.js';

/** Documents of one kind by key. Each is replaced whole, never changed in place, and each change is journalled. */
class Collection<T> {
  readonly #name: string;
  readonly #documents: Map<string, T>;
  readonly #record: (change: JournalEntry) => void;

  constructor(name: string, documents: Map<string, T>, record: (change: JournalEntry) => void) {
    this.#name = name;
    this.#documents = documents;
    this.#record = record;
  }

  get(key: string): T | undefined {
    return this.#documents.get(key);
  }

  /** Oldest first. */
  values(): IterableIterator<T> {
    return this.#documents.values();
  }

  set(key: string, value: T): T {
    this.#documents.set(key, value);
    this.#record({ collection: this.#name, key, value });
    return value;
  }

  delete(key: string): void {
    if (this.#documents.delete(key)) this.#record({ collection: this.#name, key });
  }
}

/** All that the sandbox remembers. Nothing is answered to anybody before `commit` has resolved. */
export interface Store {
  readonly trades: Collection<Trade>;
  readonly refunds: Collection<Refund>;
  readonly disputes: Collection<Dispute>;
  /** Stripe's, by the key. */
  readonly idempotency: Collection<RememberedAnswer>;
  readonly payouts: Collection<Payout>;
  /** What bills tell wrongly. */
  readonly billDifferences: Collection<Difference>;
  readonly events: Collection<NotificationEvent>;
  readonly deliveries: Collection<Delivery>;
  readonly faults: Collection<Fault>;
  readonly sms: Collection<Sms>;
  /** Where a control call wants a channel's events, by the channel. */
  readonly webhooks: Collection<string>;
  commit(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the state in `<folder>/state.jsonl`, empty at first. */
export async function openStore(folder: string): Promise<Store> {
  const path = join(folder, 'state.jsonl');
  const documents = new Map<string, Map<string, unknown>>();
  for (const { collection, key, value } of await readJournal(path)) {
    const kind = documents.get(collection) ?? new Map<string, unknown>();
    documents.set(collection, kind);
    if (value === undefined) kind.delete(key);
    else kind.set(key, value);
  }
  const journal: Journal = await compactJournal(path, entriesOf(documents));
  // The journal holds only what this program wrote, so a document is trusted to have its collection's shape.
  const collection = <T>(name: string): Collection<T> =>
    new Collection<T>(name, (documents.get(name) ?? new Map()) as Map<string, T>, (change) =>
      journal.append(change),
    );
  return {
    trades: collection<Trade>('trades'),
    refunds: collection<Refund>('refunds'),
    disputes: collection<Dispute>('disputes'),
    idempotency: collection<RememberedAnswer>('idempotency'),
    payouts: collection<Payout>('payouts'),
    billDifferences: collection<Difference>('billDifferences'),
    events: collection<NotificationEvent>('events'),
    deliveries: collection<Delivery>('deliveries'),
    faults: collection<Fault>('faults'),
    sms: collection<Sms>('sms'),
    webhooks: collection<string>('webhooks'),
    commit: () => journal.commit(),
    close: () => journal.close(),
  };
}

function* entriesOf(documents: Map<string, Map<string, unknown>>): Generator<JournalEntry> {
  for (const [collection, kind] of documents) {
    for (const [key, value] of kind) yield { collection, key, value };
  }
}
