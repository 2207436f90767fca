export { dailyReconciliation, reconciliation } from './reconciliation.js';
export { order } from './order.js';
export { refund } from './refund.js';
export { withdrawal } from './withdrawal.js';
