/** One proxy per retry class, with its reason. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type {
  CourseActivities,
  MembershipActivities,
  NextActionActivities,
  OrderActivities,
  ProviderActivities,
  ReconciliationActivities,
  WithdrawalActivities,
} from '../activities/index.js';

// Ledger posts are idempotent by their SQL key, so they may retry for ever; 10 s between tries at most, so that
// recovery fits in 60 s. Local: a regular activity would cost ten more history events an order.
export const ledger = proxyLocalActivities<OrderActivities & MembershipActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

// The same work where a person asked for it by an Update (workflows/versions.ts): a regular activity starts once that
// is in the history.
export const decided = proxyActivities<OrderActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

// How long a worker may say nothing about an activity before it counts as dead: so that one which was killed costs
// seconds, and not all the time that a slow provider may take. The worker tells by itself (worker/heartbeat.ts).
const heartbeatTimeout = '10s';

// Questions to a provider are free of effects here: asked until answered, since closing without an answer could
// lose a payment.
export const providers = proxyActivities<ProviderActivities>({
  startToCloseTimeout: '60s',
  heartbeatTimeout,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

// A hint is worth a few tries: the relay asks about every open attempt by its own schedule, and a verified payment
// must not wait behind a provider that is down.
export const hints = proxyActivities<ProviderActivities>({
  startToCloseTimeout: '30s',
  heartbeatTimeout,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 3 },
});

// A provider that gives no answer is no failure here: the withdrawal's workflow asks again, with its own back-off. What
// is left to retry is our own database's, 10 s between tries at most, so that recovery fits in 60 s.
export const payouts = proxyActivities<WithdrawalActivities>({
  startToCloseTimeout: '60s',
  heartbeatTimeout,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

// Steps of the chain retry for ever, visibly; what cannot succeed says so by a failure that is not retried, and
// parks the step.
export const nextActions = proxyActivities<NextActionActivities>({
  startToCloseTimeout: '30s',
  heartbeatTimeout,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

// Long statements over a whole bill; what is found and posted counts once by its keys, so they may retry for ever.
export const books = proxyActivities<ReconciliationActivities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

// A bill of millions of rows takes its time; what was staged of it is not staged again. A provider without an answer is
// no failure here: the workflow waits, and asks again.
export const bills = proxyActivities<Pick<ReconciliationActivities, 'fetchBill'>>({
  startToCloseTimeout: '6h',
  heartbeatTimeout,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

// Each try asks about what the one before got no answer to; what is left in the end is a person's.
export const doubts = proxyActivities<Pick<ReconciliationActivities, 'askAboutMissing'>>({
  startToCloseTimeout: '10m',
  heartbeatTimeout,
  retry: { initialInterval: '2s', backoffCoefficient: 3, maximumInterval: '2m', maximumAttempts: 6 },
});

// One statement over all orders of courses; the next hour counts anew, so there is no use in trying for longer.
export const totals = proxyActivities<CourseActivities>({
  startToCloseTimeout: '10m',
  scheduleToCloseTimeout: '50m',
  heartbeatTimeout,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});
