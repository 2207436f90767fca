import type { ActionType } from './next-actions.js';
import type { Fen } from './money.js';
import type { MoneyState } from './order-status.js';

/** What a buyer can pay for (system.md, section 3: who is paid). */
export const ORDER_KINDS = ['deal', 'topup', 'course', 'package'] as const;
export type OrderKind = (typeof ORDER_KINDS)[number];

/** Kinds whose money is held for somebody until it is confirmed; the others are settled at payment. */
export function isHeldKind(kind: OrderKind): boolean {
  return kind === 'deal' || kind === 'course';
}

/** Channels that are somebody else's: everything but our own wallet. */
export const PROVIDER_CHANNELS = ['alipay', 'wechat', 'pingpp', 'stripe'] as const;
export type ProviderChannel = (typeof PROVIDER_CHANNELS)[number];

export const PAYMENT_CHANNELS = [...PROVIDER_CHANNELS, 'wallet'] as const;
export type PaymentChannel = (typeof PAYMENT_CHANNELS)[number];

/** Where the payer pays: every channel says which of these it has. */
const COMMON_SCENES = ['qr', 'app', 'h5', 'jsapi', 'page'] as const;
/** Ways of Ping++ beside its one for each of those, by its own names. */
const PINGPP_SCENES = ['wx', 'wx_lite', 'wx_pub_qr', 'wx_wap', 'upacp', 'upacp_wap'] as const;
export const SCENES = [...COMMON_SCENES, ...PINGPP_SCENES] as const;
export type Scene = (typeof SCENES)[number];
/** The ways of one channel. */
export type ByScene<Way> = Readonly<Partial<Record<Scene, Way>>>;

export const STEP_STATUSES = ['pending', 'running', 'succeeded', 'parked', 'skipped'] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

/** One step of an order's nextAction chain, as the workflow knows it: no parameters, since those may hold a phone number. */
export interface StepRef {
  path: string;
  type: ActionType;
}

export interface PaidFacts {
  /** The provider's payment time, clamped to between creation and receipt. Epoch ms. */
  paidAtMs: number;
  /** When we learnt of it. Epoch ms. */
  receivedAtMs: number;
  amountFen: Fen;
  /** Only where another run of the order's workflow has to take over what was done before it. */
  standing?: Standing;
}

/** How a paid order stands in PostgreSQL, which decides about money: what its workflow goes by. */
export interface Standing {
  money: MoneyState;
  refundedFen: Fen;
  /** A refund that is asked for or under way: nothing is released meanwhile. */
  openRefundId: string | null;
  /** Epoch ms; refunds put it off. */
  releaseDueAtMs: number | null;
}

// Letters, digits, hyphen and underscore: a user id may stand in account names, workflow attributes and paths.
export const USER_ID = /^[0-9A-Za-z_-]{1,64}$/;

/** `orderNo`, then `orderNo` + `a2`, `a3`: what the provider knows the attempt by. */
export function attemptNo(orderNo: string, earlier: number): string {
  return earlier === 0 ? orderNo : `${orderNo}a${earlier + 1}`;
}
