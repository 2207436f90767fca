/**
 * The nextAction types (wire.md, section 5): one row each. A new type is a row here, a file in
 * `activities/next-actions/`, and a line in its registry; the compiler names what is missing.
 */
import { z } from 'zod';
import {
  count,
  flag,
  mobile,
  numericId,
  numericIdList,
  numericIdOrNone,
  reference,
  text,
  values,
  yuan,
} from './action-parameters.js';
import { variable } from './variables.js';

const onlyId = z.object({ id: numericId });
const nothing = z.object({});

/**
 * The source document names the shop `shopId`. Its clients also send `uid` instead: a shop's, or the payer's own, which
 * is a bill of no particular shop, as an empty `shopId` is.
 */
const shopBill = z
  .object({ shopId: numericIdOrNone.optional(), uid: reference(64).optional(), money: yuan })
  .transform(({ shopId, uid, money }, context): { shopId: string; uid?: string; money: string } => {
    if (shopId !== undefined) return { shopId, money };
    if (uid !== undefined) return { shopId: numericIdOrNone.catch('').parse(uid), uid, money };
    context.addIssue({ code: 'custom', path: ['shopId'], message: 'is missing' });
    return z.NEVER;
  });

export const NEXT_ACTIONS = {
  /** Pays pending shop orders from the payer's balance; they become paid. */
  payShopOrder: { type: 0, parameters: z.object({ id: numericIdList }), listField: 'id' },
  /** Pays knowledge orders; their content is open to the payer. */
  payKnowledgeOrder: { type: 1, parameters: z.object({ id: numericIdList }), listField: 'id' },
  /** Sends template smsId. Any value may be a variable, read from the settings just before the step runs. */
  sendSms: {
    type: 2,
    parameters: z.object({
      smsId: z.union([numericId, variable]),
      mobile: z.union([mobile, variable]),
      postJsonString: values.optional(),
    }),
    resolved: z.object({
      smsId: numericId,
      mobile,
      postJsonString: z.record(z.string(), z.unknown()).optional(),
    }),
  },
  /** Pays a sign-up fee; `id` is the record of the registration. */
  payRegistration: { type: 3, parameters: onlyId },
  /** Prices a bill by the shop's discount rules, pays it, and records it under the shop. */
  payShopBill: { type: 4, parameters: shopBill },
  /** Takes a deposit that can be returned. */
  payDeposit: {
    type: 5,
    parameters: z.object({
      amount: yuan,
      refCode: reference(64).optional(),
      remark: text(256).optional(),
      extJsonStr: values.optional(),
    }),
  },
  /** Pays for a level, sets or extends it. */
  buyMembership: {
    type: 6,
    parameters: z.object({
      userLevelPriceId: numericId,
      /** From now on its next term is paid for before each end. */
      isAutoRenew: flag.optional(),
      remark: text(256).optional(),
    }),
  },
  /** Claims one coupon; pays where its rule has a price. */
  claimCoupon: {
    type: 7,
    parameters: z.object({ couponRuleId: numericId, pwd: reference(64).optional() }),
  },
  /** Pays the reward order of this token, less a coupon. */
  payJdRewardOrder: {
    type: 8,
    parameters: z.object({ token: reference(64), couponId: numericId.optional() }),
  },
  /** Pays a table's bill, less its coupons; of a list, each coupon is a step, and the last one pays. */
  payDiningOrder: {
    type: 9,
    parameters: z.object({ orderId: numericId, couponId: numericIdList.optional() }),
    listField: 'couponId',
  },
  /** Pays for a member card and issues it. */
  buyMemberCard: { type: 10, parameters: onlyId },
  /** Pays a picture; the seller's share is held and released like a deal's. */
  payPictureTrade: { type: 11, parameters: onlyId },
  becomeCommunityLeader: { type: 12, parameters: nothing },
  becomeDistributor: { type: 13, parameters: nothing },
  becomeTeamLeader: { type: 14, parameters: nothing },
  /** Pays a course; `id` is the record of the purchase. */
  payCourseOrder: { type: 15, parameters: onlyId },
  /** Pays, and creates the organization with the payer as its owner. */
  createOrganization: {
    type: 16,
    parameters: z.object({ priceId: numericId, name: text(64).min(1), remark: text(256).optional() }),
  },
  /** Pays, and raises the organization to the capacity of this price. */
  upgradeOrganization: { type: 17, parameters: z.object({ organizeId: numericId, priceId: numericId }) },
  /** Pays, and unlocks that episode once. */
  buyVideoEpisode: { type: 18, parameters: z.object({ goodsId: numericId, number: count(100_000) }) },
  /** Pays for more time; the service ends later. */
  payExtraTime: { type: 19, parameters: z.object({ orderAddBellId: numericId }) },
  /** Pays an errand; it is open, and the runner's fee is held. */
  payErrandTask: { type: 20, parameters: z.object({ taskId: numericId }) },
  /** Pays, and adds pulls. */
  buyBlindBoxPulls: { type: 21, parameters: z.object({ pullTimes: count(100_000) }) },
  /** Pays, and puts the box into the pool. */
  publishBlindBox: { type: 22, parameters: z.object({ boxId: numericId }) },
  /** Pays, and admits the payer. */
  payCpActivity: { type: 23, parameters: z.object({ cpactivityId: numericId }) },
} as const satisfies Record<string, ActionDefinition>;

export interface ActionDefinition {
  type: number;
  parameters: z.ZodType<Record<string, unknown>>;
  /** The field whose comma list makes one step per id. */
  listField?: string;
  /** Present where parameters may hold variables: what they must be once those are resolved. */
  resolved?: z.ZodType<Record<string, unknown>>;
}

export type ActionName = keyof typeof NEXT_ACTIONS;
export type ActionType = (typeof NEXT_ACTIONS)[ActionName]['type'];
export const ACTION_NAMES = Object.keys(NEXT_ACTIONS) as ActionName[];

type Parameters<N extends ActionName> = z.output<(typeof NEXT_ACTIONS)[N]['parameters']>;
/** What one step of an action has: of a comma list, its own id. */
export type StepParameters<N extends ActionName> = {
  [Field in keyof Parameters<N>]: string[] extends Parameters<N>[Field]
    ? Exclude<Parameters<N>[Field], string[]> | string
    : Parameters<N>[Field];
};

/** Looks a type up by its number; undefined for one that does not exist. */
export function actionName(type: unknown): ActionName | undefined {
  return ACTION_NAMES.find((name) => NEXT_ACTIONS[name].type === type);
}

export function definitionOf(name: ActionName): ActionDefinition {
  return NEXT_ACTIONS[name];
}
