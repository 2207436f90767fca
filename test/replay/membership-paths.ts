/** Ways that a membership can take through its workflow: recorded once, and replayed by every later version. */
import { cancelRenewal } from '../../commands/memberships.js';
import type { RenewalRow } from '../../db/memberships.js';
import type { Flow } from '../support/flow.js';
import { deliver, renewalHandle, renewalNow, renewingMember } from '../support/membership-flow.js';
import { until } from '../support/world.js';

export interface MembershipPath {
  name: string;
  /** @returns the renewal, once its workflow has ended */
  run: (flow: Flow) => Promise<RenewalRow>;
}

/** Its first look at what is due is in the history by then. */
async function asleep(flow: Flow, row: RenewalRow): Promise<void> {
  await until(async () => {
    const { events } = await renewalHandle(flow, row).fetchHistory();
    return events?.some((event) => Boolean(event.timerStartedEventAttributes)) ?? false;
  });
}

export const MEMBERSHIP_PATHS: readonly MembershipPath[] = [
  {
    name: 'renewed-twice-then-lapsed',
    run: async (flow) => {
      const row = await renewingMember(flow, 2);
      await renewalHandle(flow, row).result();
      return renewalNow(flow, row);
    },
  },
  {
    name: 'cancelled',
    run: async (flow) => {
      const row = await renewingMember(flow, 1);
      await asleep(flow, row);
      await cancelRenewal(flow.context.db, row.userId, row.id, 'user:me');
      await deliver(flow, row);
      await renewalHandle(flow, row).result();
      return renewalNow(flow, row);
    },
  },
];
