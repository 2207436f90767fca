/**
 * The names that stand in histories, and what travels under them. A name is for ever: each is snapshot-tested.
 * Ids only, no documents: small inputs keep histories small, and nothing personal needs to be hidden.
 */
import { defineSearchAttributeKey } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { MoneyState, OrderStatus } from '../domain/order-status.js';
import type { OrderKind, ProviderChannel, StepRef } from '../domain/order.js';

export const TASK_QUEUE = 'holdfast';
export const ORDER_WORKFLOW = 'order';

export const orderWorkflowId = (orderNo: string): string => `order/${orderNo}`;

export interface OrderInput {
  orderNo: string;
  kind: OrderKind;
  sellerId: string | null;
  amountFen: number;
  feeBps: number;
  /** Absolute, epoch ms. */
  expiresAtMs: number;
  /** Null: no chat window. */
  chatWindowMs: number | null;
  autoConfirmAfterMs: number;
  /** The nextAction chain in its order; what each step does is read from PostgreSQL when it runs. */
  steps: StepRef[];
}

/** Somebody says that there may be a payment: the channel is asked before any money moves. */
export interface PaymentHint {
  channel: ProviderChannel;
  outTradeNo: string;
}

/** A verified payment waits in the inbox, or a hint that there may be one. Sent twice it counts once. */
export type PaymentNotice = { inboxId: number } | PaymentHint;
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
  stepNotFound: 'step_not_found',
  stepNotParked: 'step_not_parked',
} as const;
