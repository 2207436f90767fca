export { courseTotals } from './course-totals.js';
export { dailyReconciliation, reconciliation } from './reconciliation.js';
export { membership } from './membership.js';
export { order } from './order.js';
export { refund } from './refund.js';
export { withdrawal } from './withdrawal.js';
