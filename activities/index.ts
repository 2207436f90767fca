import type { Channels } from '../channels/index.js';
import type { SmsProviders } from '../channels/sms.js';
import type { Db } from '../db/client.js';
import { createProviderActivities } from './channels.js';
import { createCourseActivities } from './courses.js';
import { createMembershipActivities } from './memberships.js';
import { createNextActions } from './next-actions/index.js';
import type { RemoteCalls } from './next-actions/remote.js';
import { createOrderActivities } from './payments.js';
import { createReconciliationActivities } from './reconciliation.js';
import { createRefundLedgerActivities, createRefundProviderActivities } from './refunds.js';
import { createWithdrawalActivities } from './withdrawals.js';

export type OrderActivities = ReturnType<typeof createOrderActivities> &
  ReturnType<typeof createRefundLedgerActivities>;
export type ProviderActivities = ReturnType<typeof createProviderActivities> &
  ReturnType<typeof createRefundProviderActivities>;
export type ReconciliationActivities = ReturnType<typeof createReconciliationActivities>;
export type WithdrawalActivities = ReturnType<typeof createWithdrawalActivities>;
export type MembershipActivities = ReturnType<typeof createMembershipActivities>;
export type CourseActivities = ReturnType<typeof createCourseActivities>;
export type { NextActionActivities } from './next-actions/index.js';

/** @param publicUrl what providers call back */
export function createActivities(
  db: Db,
  channels: Channels,
  publicUrl: string,
  sms: SmsProviders = {},
  remote?: RemoteCalls,
) {
  return {
    ...createOrderActivities(db),
    ...createProviderActivities(db, channels),
    ...createRefundLedgerActivities(db),
    ...createRefundProviderActivities(db, channels, publicUrl),
    ...createWithdrawalActivities(db, channels, publicUrl),
    ...createMembershipActivities(db),
    ...createCourseActivities(db),
    ...createReconciliationActivities(db, channels),
    ...createNextActions(db, sms, remote),
  };
}
