/** What one order's workflow knows while it runs, and the handlers that tell it more. */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import {
  type ChainState,
  type MoneyState,
  type OrderStatus,
  deriveStatus,
  moveTo,
} from '../domain/order-status.js';
import type { PaidFacts } from '../domain/order.js';
import {
  type OrderInput,
  type PaymentNotice,
  OVERTAKEN,
  REFUSALS,
  SEARCH_ATTRIBUTES,
  cancel,
  closeChat,
  confirm,
  decideRefund,
  editAction,
  isNotice,
  paymentReceived,
  refundChanged,
  requestRefund,
  retryAction,
  skipAction,
  state,
} from './contract.js';

export interface Decision {
  verdict: 'retry' | 'skip' | 'edit';
  path: string;
  by: string;
  reason?: string;
  parameters?: Record<string, unknown>;
}

export interface Refusal {
  code: string;
  message: string;
}

/** Who asked is told the refusal, if there is one. */
export interface RefundWish {
  refundId: string;
  amountFen: number | null;
  reason: string;
  by: string;
  windowMs: number;
  refusal?: Refusal;
}

export interface RefundDecision {
  refundId: string;
  approve: boolean;
  reason: string;
  by: string;
  refusal?: Refusal;
}

/** Handlers only record a wish here; the main coroutine moves the money. */
export interface OrderProgress {
  readonly input: OrderInput;
  status: OrderStatus;
  money: MoneyState;
  chain: ChainState;
  paid: PaidFacts | null;
  notices: PaymentNotice[];
  seenInboxIds: Set<number>;
  confirmedBy: string | null;
  cancelled: { by: string; reason: string } | null;
  chatOpen: boolean;
  chatClosedBy: string | null;
  refundedFen: number;
  /** A refund that is asked for or under way: nothing is released meanwhile. */
  openRefundId: string | null;
  refundWishes: RefundWish[];
  refundDecisions: RefundDecision[];
  /** PostgreSQL knows something about a refund that this workflow has not read yet. */
  refundNews: boolean;
  /** When held money becomes the seller's by itself; refunds put it off. Epoch ms. */
  releasesAtMs: number;
  parkedPath: string | null;
  decision: Decision | null;
}

export function startProgress(input: OrderInput): OrderProgress {
  const known = [input.paidByInboxId].filter((id) => id !== undefined);
  const progress: OrderProgress = {
    input,
    status: 'unpaid',
    money: 'unpaid',
    chain: input.steps.length === 0 ? 'none' : 'running',
    paid: null,
    notices: known.map((inboxId) => ({ inboxId })),
    seenInboxIds: new Set(known),
    confirmedBy: null,
    cancelled: null,
    chatOpen: false,
    chatClosedBy: null,
    refundedFen: 0,
    openRefundId: null,
    refundWishes: [],
    refundDecisions: [],
    refundNews: false,
    releasesAtMs: Number.POSITIVE_INFINITY,
    parkedPath: null,
    decision: null,
  };
  listenForPayments(progress);
  listenToParties(progress);
  listenToOperators(progress);
  listenForRefunds(progress);
  setHandler(state, () => ({
    status: progress.status,
    money: progress.money,
    parked: progress.parkedPath,
    chatOpen: progress.chatOpen,
  }));
  return progress;
}

/** Money or chain changed: the status follows, and so does what Temporal's UI shows. */
export function change(
  progress: OrderProgress,
  facts: Partial<Pick<OrderProgress, 'money' | 'chain'>>,
): void {
  Object.assign(progress, facts);
  const captured = progress.paid?.amountFen ?? 0;
  const next = deriveStatus({
    ...progress,
    captured,
    refunded: progress.refundedFen,
    refundOpen: progress.openRefundId !== null,
  });
  const attention = next === 'action_required' || progress.status === 'action_required';
  if (next !== progress.status) {
    progress.status = moveTo(progress.status, next);
    // One event for both attributes; attention is written only when it changes.
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.status, value: next },
      ...(attention ? [{ key: SEARCH_ATTRIBUTES.needsAttention, value: next === 'action_required' }] : []),
    ]);
  }
  setCurrentDetails(describe(progress));
}

function describe(progress: OrderProgress): string {
  const lines = [`**${progress.status}**, money ${progress.money}, chain ${progress.chain}`];
  if (progress.paid !== null) lines.push(`paid at ${new Date(progress.paid.paidAtMs).toISOString()}`);
  if (progress.parkedPath !== null)
    lines.push(`step ${progress.parkedPath} is parked: retry, edit or skip it`);
  return lines.join('\n\n');
}

function listenForPayments(progress: OrderProgress): void {
  // A signal handler must never throw, and what it lets through must never fail for good: people send by hand too.
  setHandler(paymentReceived, (notice: unknown) => {
    if (!isNotice(notice)) return;
    if ('inboxId' in notice) {
      if (progress.seenInboxIds.has(notice.inboxId)) return;
      progress.seenInboxIds.add(notice.inboxId);
    }
    progress.notices.push(notice);
  });
}

/** For handlers: they run outside the order's own scope, and a cancelled workflow must still answer them. */
function until(holds: () => boolean): Promise<void> {
  return CancellationScope.nonCancellable(() => condition(holds));
}

function refuse(type: string, message: string): never {
  throw ApplicationFailure.nonRetryable(message, type);
}

function listenToParties(progress: OrderProgress): void {
  setHandler(
    confirm,
    async ({ by }) => {
      progress.confirmedBy ??= by;
      await until(() => progress.money === 'released' || progress.confirmedBy === null);
      if (progress.confirmedBy === null) refuse(REFUSALS.notConfirmable, OVERTAKEN);
    },
    {
      validator: (_: { by: string }) => {
        const { money, input } = progress;
        const held = input.kind === 'deal' || input.kind === 'course';
        if (progress.refundWishes.length > 0) refuse(REFUSALS.notConfirmable, OVERTAKEN);
        if (progress.openRefundId !== null) {
          refuse(REFUSALS.notConfirmable, 'a refund of this order is open');
        }
        if (!held || money === 'unpaid' || money === 'closed') {
          refuse(REFUSALS.notConfirmable, `a ${input.kind} that is ${progress.status} cannot be confirmed`);
        }
      },
    },
  );
  setHandler(
    cancel,
    async (wish) => {
      progress.cancelled ??= wish;
      await until(() => progress.money !== 'unpaid');
      if (progress.money !== 'closed') refuse(REFUSALS.alreadyPaid, 'the payment was faster');
    },
    {
      validator: (_: { by: string; reason: string }) => {
        if (progress.money === 'held' || progress.money === 'released') {
          refuse(REFUSALS.notCancellable, `an order that is ${progress.status} cannot be cancelled`);
        }
      },
    },
  );
  setHandler(
    closeChat,
    async ({ by }) => {
      progress.chatClosedBy ??= by;
      await until(() => !progress.chatOpen);
    },
    {
      validator: (_: { by: string }) => {
        if (!progress.chatOpen) refuse(REFUSALS.noOpenChat, 'this order has no open chat');
      },
    },
  );
}

/** SQL judges each wish; only whether the money is still held is known here. */
function listenForRefunds(progress: OrderProgress): void {
  const told = ({ refusal }: { refusal?: Refusal }): void => {
    if (refusal !== undefined) refuse(refusal.code, refusal.message);
  };
  const validator = (): void => {
    if (progress.money !== 'held') refuse(REFUSALS.notHeld, 'the money is not held any more');
  };
  setHandler(
    requestRefund,
    async (input) => {
      const wish: RefundWish = { ...input };
      progress.refundWishes.push(wish);
      await until(() => !progress.refundWishes.includes(wish));
      told(wish);
    },
    {
      validator: (_: { refundId: string }) => {
        validator();
        // Whoever was first wins: a confirmation that was accepted is not overtaken (promise M8).
        if (progress.confirmedBy !== null) refuse(REFUSALS.notHeld, 'the buyer has confirmed');
      },
    },
  );
  setHandler(
    decideRefund,
    async (input) => {
      const decision: RefundDecision = { ...input };
      progress.refundDecisions.push(decision);
      await until(() => !progress.refundDecisions.includes(decision));
      told(decision);
    },
    { validator: (_: { refundId: string }) => validator() },
  );
  setHandler(refundChanged, () => {
    progress.refundNews = true;
  });
}

function listenToOperators(progress: OrderProgress): void {
  const validator = ({ path }: { path: string }): void => {
    if (!progress.input.steps.some((step) => step.path === path)) {
      refuse(REFUSALS.stepNotFound, `this order has no step ${path}`);
    }
    if (progress.parkedPath !== path || progress.decision !== null) {
      refuse(REFUSALS.stepNotParked, `step ${path} is not parked`);
    }
  };
  const decide = async (decision: Decision): Promise<void> => {
    progress.decision = decision;
    // Answered once the decision is on record; the step itself may take its time.
    await until(() => progress.decision !== decision);
  };
  setHandler(retryAction, (wish) => decide({ ...wish, verdict: 'retry' }), { validator });
  setHandler(skipAction, (wish) => decide({ ...wish, verdict: 'skip' }), { validator });
  setHandler(editAction, (wish) => decide({ ...wish, verdict: 'edit' }), { validator });
}
