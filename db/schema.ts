/** What PostgreSQL remembers. Money is bigint fen, times are timestamptz. */
export * from './tables/people.js';
export * from './tables/settings.js';
export * from './tables/orders.js';
export * from './tables/comments.js';
export * from './tables/packages.js';
export * from './tables/courses.js';
export * from './tables/refunds.js';
export * from './tables/withdrawals.js';
export * from './tables/delivery.js';
export * from './tables/webhooks.js';
export * from './tables/reconciliation.js';
export * from './tables/ledger.js';
export * from './tables/entitlements.js';
export * from './tables/memberships.js';
export * from './tables/action-endpoints.js';
export * from './tables/bulk-retries.js';
