import { Gauge, type Registry } from 'prom-client';
import type { Backlog } from '../db/backlog.js';

/** However often /metrics is read, the database is asked no more often than this. */
const FRESH_MS = 5_000;

const FIGURES = [
  {
    what: 'stuck_orders',
    name: 'holdfast_stuck_orders',
    help: 'orders that nothing drives any more, by why',
  },
  {
    what: 'stuck_withdrawals',
    name: 'holdfast_stuck_withdrawals',
    help: 'withdrawals that nothing drives any more, by why',
  },
  { what: 'inbox', name: 'holdfast_inbox_pending', help: 'verified payments on their way to their order' },
  { what: 'outbox', name: 'holdfast_starts_pending', help: 'orders whose workflow is still to be started' },
  {
    what: 'webhook_deliveries',
    name: 'holdfast_webhook_deliveries_due',
    help: 'outgoing events past their turn',
  },
  { what: 'operator_items', name: 'holdfast_operator_items_open', help: 'what waits for a person, by kind' },
  {
    what: 'parked_orders',
    name: 'holdfast_orders_needing_attention',
    help: 'orders whose chain waits for a person, by the action that is parked',
  },
  { what: 'renewals', name: 'holdfast_renewals_due', help: 'memberships past the moment of their renewal' },
  {
    what: 'differences',
    name: 'holdfast_differences_open',
    help: "what differs between our books and the providers' bills, by type",
  },
] as const satisfies readonly { what: Backlog['what']; name: string; help: string }[];

/** An age alone; there is none before a channel's first day. */
const RECONCILED = {
  what: 'reconciled',
  name: 'holdfast_reconciled_age_seconds',
  help: 'How long ago the last day ended, in China, that was compared with its bill; by channel.',
} as const;

/**
 * Two gauges for each figure, its count and the age of its oldest in seconds, and one that says whether they could
 * be read. While the database is out they are missing: a figure that is not known must not look like none.
 */
export function registerBacklog(registry: Registry, read: () => Promise<Backlog[]>): void {
  let last: { at: number; rows: Promise<Backlog[] | null> } | undefined;
  const rows = (): Promise<Backlog[] | null> => {
    if (last === undefined || Date.now() - last.at > FRESH_MS) {
      last = { at: Date.now(), rows: read().catch(() => null) };
    }
    return last.rows;
  };
  const readable = new Gauge({
    name: 'holdfast_backlog_readable',
    help: 'Whether the database told the figures below: 1, or 0.',
    registers: [registry],
    collect: async (): Promise<void> => readable.set((await rows()) === null ? 0 : 1),
  });
  const add = (what: Backlog['what'], name: string, help: string, value: (row: Backlog) => number): void => {
    const gauge = new Gauge({
      name,
      help,
      labelNames: ['kind'],
      registers: [registry],
      collect: async (): Promise<void> => {
        gauge.reset();
        const known = await rows();
        if (known === null) return;
        const mine = known.filter((row) => row.what === what);
        for (const row of mine) gauge.set({ kind: row.kind }, value(row));
        if (mine.length === 0 && what !== RECONCILED.what) gauge.set({ kind: '' }, 0);
      },
    });
  };
  for (const { what, name, help } of FIGURES) {
    add(what, name, `How many: ${help}.`, (row) => row.count);
    add(what, `${name}_oldest_seconds`, `Age of the oldest: ${help}.`, (row) => row.oldestSeconds);
  }
  add(RECONCILED.what, RECONCILED.name, RECONCILED.help, (row) => row.oldestSeconds);
}
