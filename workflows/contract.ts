/**
 * The names that stand in histories, and what travels under them. A name is for ever: each is snapshot-tested.
 * Ids only, no documents: small inputs keep histories small, and nothing personal needs to be hidden.
 */
import { defineSearchAttributeKey } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { RenewalStatus } from '../domain/memberships.js';
import type { MoneyState, OrderStatus } from '../domain/order-status.js';
import { type OrderKind, PAYMENT_CHANNELS, type ProviderChannel, type StepRef } from '../domain/order.js';
import { isObject } from '../domain/variables.js';
import type { WithdrawalStatus } from '../domain/withdrawals.js';

export const TASK_QUEUE = 'holdfast';
export const ORDER_WORKFLOW = 'order';

export const REFUND_WORKFLOW = 'refund';
export const WITHDRAWAL_WORKFLOW = 'withdrawal';
export const MEMBERSHIP_WORKFLOW = 'membership';

export const RECONCILIATION_WORKFLOW = 'reconciliation';
export const DAILY_RECONCILIATION_WORKFLOW = 'dailyReconciliation';
export const COURSE_TOTALS_WORKFLOW = 'courseTotals';
/** Of its schedule, and of what that starts. */
export const COURSE_TOTALS_ID = 'course-totals';

export const reconciliationWorkflowId = (channel: ProviderChannel, date: string): string =>
  `reconciliation/${channel}/${date}`;
export const dailyReconciliationId = (channel: ProviderChannel): string => `daily-reconciliation/${channel}`;
export const refundWorkflowId = (refundId: string): string => `refund/${refundId}`;
export const withdrawalWorkflowId = (withdrawalId: string): string => `withdrawal/${withdrawalId}`;
export const membershipWorkflowId = (renewalId: string): string => `membership/${renewalId}`;
export const orderWorkflowId = (orderNo: string): string => `order/${orderNo}`;

export interface OrderInput {
  orderNo: string;
  kind: OrderKind;
  /** As it was when this run was started: of an errand another one may be named since. */
  sellerId: string | null;
  amountFen: number;
  feeBps: number;
  /** Absolute, epoch ms. */
  expiresAtMs: number;
  /** Null: no chat window. */
  chatWindowMs: number | null;
  /** Null: only a confirmation releases what is held. */
  autoConfirmAfterMs: number | null;
  /** The nextAction chain in its order; what each step does is read from PostgreSQL when it runs. */
  steps: StepRef[];
  /** Of a run that follows one which was ended by hand: the payment that PostgreSQL knows to have paid the order. */
  paidByInboxId?: number;
}

/** Somebody says that there may be a payment: the channel is asked before any money moves. */
export interface PaymentHint {
  channel: ProviderChannel;
  outTradeNo: string;
}

/** A verified payment waits in the inbox, or a hint that there may be one. Sent twice it counts once. */
export type PaymentNotice = { inboxId: number } | PaymentHint;

const OUT_TRADE_NO = /^[0-9A-Za-z_-]{1,64}$/;

/** Anybody who can reach Temporal can send anything by this name. */
export function isNotice(given: unknown): given is PaymentNotice {
  if (!isObject(given)) return false;
  const { inboxId, channel, outTradeNo } = given;
  if (inboxId !== undefined) return Number.isSafeInteger(inboxId) && Number(inboxId) > 0;
  const isProvider = PAYMENT_CHANNELS.some((name) => name === channel && name !== 'wallet');
  return isProvider && typeof outTradeNo === 'string' && OUT_TRADE_NO.test(outTradeNo);
}
export const paymentReceived = defineSignal<[PaymentNotice]>('paymentReceived');

/** Who asks, as the audit trail names them: `user:<id>` or a back end's name. */
interface By {
  by: string;
}

/** Answered once the money is the seller's. */
export const confirm = defineUpdate<void, [By]>('confirm');
/** Unpaid orders only; answered once the order is closed here and, where it can be, at the provider. */
export const cancel = defineUpdate<void, [By & { reason: string }]>('cancel');
/** Ends the chat window by hand; releases nothing. */
export const closeChat = defineUpdate<void, [By]>('closeChat');

/** Freezes the release while money is held; for released money PostgreSQL alone is asked. */
export const requestRefund = defineUpdate<
  void,
  [By & { refundId: string; amountFen: number | null; reason: string; windowMs: number }]
>('requestRefund');
export const decideRefund = defineUpdate<void, [By & { refundId: string; approve: boolean; reason: string }]>(
  'decideRefund',
);

export interface RefundInput {
  refundId: string;
  /** The order that waits for it while its money is held; null where none does. */
  orderNo: string | null;
  /** Whether it was posted before this run. */
  posted?: boolean;
}
export type RefundOutcome = 'succeeded' | 'failed';
export interface ReconciliationInput {
  channel: ProviderChannel;
  /** A day in China, such as `2026-11-23`. */
  date: string;
  /** Who asked for it: a schedule, an operator, a back end. */
  by: string;
  /** Of a run whose history grew long: what it has come to. */
  asking?: { run: number };
}
/** Of what a channel's schedule starts. */
export interface DailyReconciliationInput {
  channel: ProviderChannel;
}
export type ReconciliationOutcome = 'completed' | 'failed';

/** The provider has said something about the refund: it is asked now. */
export const refundHint = defineSignal('refundHint');
/** Something became of a refund of this order: PostgreSQL is read now. */
export const refundChanged = defineSignal('refundChanged');

export interface WithdrawalInput {
  withdrawalId: string;
  /** How often its provider was asked before this run, which is how patient it is by now. */
  asked?: number;
}
export type WithdrawalOutcome = WithdrawalStatus;
/** The provider has said something about the payout: it is asked now. */
export const payoutHint = defineSignal('payoutHint');

export interface MembershipInput {
  renewalId: string;
}
export type MembershipOutcome = RenewalStatus;
/** The renewal was cancelled, or its next try moved: PostgreSQL is read now. */
export const renewalChanged = defineSignal('renewalChanged');

interface StepDecision extends By {
  path: string;
}
export const retryAction = defineUpdate<void, [StepDecision]>('retryAction');
export const skipAction = defineUpdate<void, [StepDecision & { reason: string }]>('skipAction');
/** The step keeps its type; its new parameters were validated and are validated again when it runs. */
export const editAction = defineUpdate<
  void,
  [StepDecision & { reason: string; parameters: Record<string, unknown> }]
>('editAction');

export interface OrderState {
  status: OrderStatus;
  money: MoneyState;
  parked: string | null;
  chatOpen: boolean;
}
/** For support; every screen and every API reads PostgreSQL. */
export const state = defineQuery<OrderState>('state');

const key = defineSearchAttributeKey;
/** Never encrypted by Temporal: no name and no phone number. */
export const SEARCH_ATTRIBUTES = {
  status: key('HoldfastStatus', 'KEYWORD'),
  kind: key('HoldfastKind', 'KEYWORD'),
  seller: key('HoldfastSeller', 'KEYWORD'),
  amount: key('HoldfastAmount', 'INT'),
  needsAttention: key('HoldfastNeedsAttention', 'BOOL'),
} as const;

/** The `type` of an ApplicationFailure that refuses an Update: one of the closed error codes. */
export const REFUSALS = {
  notConfirmable: 'order_not_confirmable',
  notCancellable: 'order_not_cancellable',
  alreadyPaid: 'order_already_paid',
  noOpenChat: 'conflict',
  /** Not held any more: what happens to released money is PostgreSQL's to say. */
  notHeld: 'state_conflict',
  stepNotFound: 'step_not_found',
  stepNotParked: 'step_not_parked',
} as const;

/** Why a confirmation came to nothing: the last word about it, though PostgreSQL may not show the refund yet. */
export const OVERTAKEN = 'a refund of this order was faster';
