/** Every type once: what has to be in the catalogue, the action, its price, and what is to be seen afterwards. */
import type { PayableCollection } from '../../domain/catalog.js';
import type { ActionName } from '../../domain/next-actions.js';
import type { Fields, Shop } from './shop.js';

export const DAY_MS = 86_400_000;

export interface Staged {
  action: Fields;
  /** Fen, from the payer's balance. */
  price: number;
  /** The thing that it pays for, where it is one. */
  thing?: { collection: PayableCollection; id: string };
  /** Looks at what the action has done, as something that can be compared. */
  seen: () => Promise<unknown>;
  /** What `seen` is once it has. */
  wanted: unknown;
}

export interface ActionCase {
  stage: (shop: Shop, payer: string) => Promise<Staged>;
  /** The same action about something that does not exist; absent where it names nothing. */
  missing?: Fields;
}

const MISSING = 999_999_999;
const entitled = async (
  shop: Shop,
  payer: string,
  kind: Parameters<Shop['entitlements']>[1],
  ref: string,
): Promise<Fields | undefined> =>
  (await shop.entitlements(payer, kind)).filter((row) => row['ref'] === ref).at(-1);
const quantityOf = async (...asked: Parameters<typeof entitled>): Promise<unknown> =>
  (await entitled(...asked))?.['quantity'];
const daysLeft = async (...asked: Parameters<typeof entitled>): Promise<number> => {
  const validTo = (await entitled(...asked))?.['validTo'];
  return Math.round((Number(validTo) - Date.now()) / DAY_MS);
};

/** Something of the payer's that becomes paid, and may give something. */
function thingOf(
  type: number,
  collection: PayableCollection,
  field: string,
  body: (payer: string) => Fields,
  given?: { kind: Parameters<Shop['entitlements']>[1]; ref: string },
  status = 'paid',
): ActionCase {
  return {
    missing: { type, [field]: MISSING },
    stage: async (shop, payer) => {
      const fields = { userId: payer, amount: 700, ...body(payer) };
      const id = await shop.put(collection, fields);
      return {
        action: { type, [field]: id },
        price: 700,
        thing: { collection, id },
        seen: async () => ({
          status: (await shop.thing(collection, id))['status'],
          ...(given !== undefined && { given: await quantityOf(shop, payer, given.kind, given.ref) }),
        }),
        wanted: { status, ...(given !== undefined && { given: 1 }) },
      };
    },
  };
}

/** A role that operators have set a price for. */
function roleOf(type: number, key: string, ref: string): ActionCase {
  return {
    stage: async (shop, payer) => {
      await shop.set(key, 9900);
      return {
        action: { type },
        price: 9900,
        seen: () => quantityOf(shop, payer, 'role', ref),
        wanted: 1,
      };
    },
  };
}

export const CASES: Record<ActionName, ActionCase> = {
  payShopOrder: thingOf(0, 'shop-orders', 'id', () => ({ title: 'tea' })),
  payKnowledgeOrder: thingOf(
    1,
    'knowledge-orders',
    'id',
    () => ({ title: 'a lecture', contentId: 'lecture-1' }),
    { kind: 'knowledge', ref: 'lecture-1' },
  ),
  sendSms: {
    missing: { type: 2, smsId: MISSING, mobile: '13500000001' },
    stage: async (shop) => {
      const smsId = await shop.put('sms-templates', {
        provider: 'outbox',
        sign: 'Holdfast',
        template: 'code {code}',
        params: ['code'],
      });
      const mobile = `135${smsId.padStart(8, '0')}`;
      return {
        action: { type: 2, smsId, mobile, postJsonString: { code: 9988 } },
        price: 0,
        seen: async () => (await shop.messages(mobile)).map(({ status, params }) => ({ status, params })),
        wanted: [{ status: 'sent', params: { code: '9988' } }],
      };
    },
  },
  payRegistration: thingOf(3, 'registrations', 'id', () => ({ title: 'a run' })),
  payShopBill: {
    missing: { type: 4, shopId: MISSING, money: '88.00' },
    stage: async (shop, payer) => {
      const discounts = [
        { minAmount: 5_000, percentOff: 10 },
        { minAmount: 8_000, amountOff: 1_500 },
        { minAmount: 20_000, percentOff: 50 },
      ];
      const shopId = await shop.put('shops', { name: 'a tea house', discounts });
      return {
        action: { type: 4, shopId, money: '88.00' },
        price: 7_300,
        seen: async () =>
          (await shop.things('shop-bills', 'shopId', shopId)).map(({ userId, amount, paid, status }) => ({
            userId,
            amount,
            paid,
            status,
          })),
        wanted: [{ userId: payer, amount: 8_800, paid: 7_300, status: 'paid' }],
      };
    },
  },
  payDeposit: {
    stage: async (shop, payer) => {
      const refCode = `bike-${shop.nextId()}`;
      return {
        action: { type: 5, amount: '99.00', refCode, remark: 'a bike', extJsonStr: '{"frame":7}' },
        price: 9_900,
        seen: async () =>
          (await shop.deposits(payer))
            .filter((row) => row['refCode'] === refCode)
            .map(({ amount, remark, ext, status }) => ({ amount, remark, ext, status })),
        wanted: [{ amount: 9_900, remark: 'a bike', ext: { frame: 7 }, status: 'held' }],
      };
    },
  },
  buyMembership: {
    missing: { type: 6, userLevelPriceId: MISSING },
    stage: async (shop, payer) => {
      const levelId = `level-${shop.nextId()}`;
      const price = await shop.put('membership-prices', { levelId, name: 'gold', amount: 3_000, days: 30 });
      return {
        action: { type: 6, userLevelPriceId: price, remark: 'a present' },
        price: 3_000,
        seen: () => daysLeft(shop, payer, 'membership', levelId),
        wanted: 30,
      };
    },
  },
  claimCoupon: {
    missing: { type: 7, couponRuleId: MISSING },
    stage: async (shop, payer) => {
      const rule = { name: 'one off', amountOff: 100, stock: 1, perUser: 1, price: 5, password: 'sesame' };
      const couponRuleId = await shop.put('coupon-rules', rule);
      return {
        action: { type: 7, couponRuleId, pwd: 'sesame' },
        price: 5,
        seen: () => quantityOf(shop, payer, 'coupon', couponRuleId),
        wanted: 1,
      };
    },
  },
  payJdRewardOrder: thingOf(8, 'jd-reward-orders', 'token', () => ({})),
  payDiningOrder: thingOf(9, 'dining-orders', 'orderId', () => ({ table: 'A 7' })),
  buyMemberCard: {
    missing: { type: 10, id: MISSING },
    stage: async (shop, payer) => {
      const id = await shop.put('member-cards', { name: 'pool', amount: 20_000, days: 365 });
      return {
        action: { type: 10, id },
        price: 20_000,
        seen: () => daysLeft(shop, payer, 'member_card', id),
        wanted: 365,
      };
    },
  },
  payPictureTrade: thingOf(
    11,
    'picture-trades',
    'id',
    () => ({ sellerId: '000000000000000000000501', pictureId: 'picture-1' }),
    { kind: 'picture', ref: 'picture-1' },
  ),
  becomeCommunityLeader: roleOf(12, 'price.communityLeader', 'community_leader'),
  becomeDistributor: roleOf(13, 'price.distributor', 'distributor'),
  becomeTeamLeader: roleOf(14, 'price.teamLeader', 'team_leader'),
  payCourseOrder: thingOf(15, 'course-orders', 'id', () => ({ courseId: 'course-1' }), {
    kind: 'course',
    ref: 'course-1',
  }),
  createOrganization: {
    missing: { type: 16, priceId: MISSING, name: 'a choir' },
    stage: async (shop, payer) => {
      const priceId = await shop.put('organization-prices', { name: 'small', amount: 1_000, capacity: 50 });
      const name = `choir ${priceId}`;
      return {
        action: { type: 16, priceId, name, remark: 'sings' },
        price: 1_000,
        seen: async () =>
          (await shop.things('organizations', 'ownerId', payer))
            .filter((row) => row['name'] === name)
            .map(({ remark, capacity }) => ({ remark, capacity })),
        wanted: [{ remark: 'sings', capacity: 50 }],
      };
    },
  },
  upgradeOrganization: {
    missing: { type: 17, organizeId: MISSING, priceId: MISSING },
    stage: async (shop, payer) => {
      const priceId = await shop.put('organization-prices', { name: 'large', amount: 4_000, capacity: 500 });
      const owned = { name: 'a club', ownerId: payer, capacity: 50 };
      const organizeId = await shop.put('organizations', owned);
      return {
        action: { type: 17, organizeId, priceId },
        price: 4_000,
        seen: async () => (await shop.thing('organizations', organizeId))['capacity'],
        wanted: 500,
      };
    },
  },
  buyVideoEpisode: {
    missing: { type: 18, goodsId: MISSING, number: 1 },
    stage: async (shop, payer) => {
      const episodes = [
        { number: 1, amount: 100 },
        { number: 2, amount: 250 },
      ];
      const goodsId = await shop.put('goods-videos', { title: 'a saga', episodes });
      return {
        action: { type: 18, goodsId, number: 2 },
        price: 250,
        seen: () => quantityOf(shop, payer, 'video_episode', `${goodsId}:2`),
        wanted: 1,
      };
    },
  },
  payExtraTime: {
    missing: { type: 19, orderAddBellId: MISSING },
    stage: async (shop, payer) => {
      const service = { userId: payer, endsAt: '2026-11-24T10:00:00.000Z' };
      const serviceOrderId = await shop.put('service-orders', service);
      const more = { userId: payer, serviceOrderId, amount: 600, minutes: 45 };
      const id = await shop.put('extra-times', more);
      return {
        action: { type: 19, orderAddBellId: id },
        price: 600,
        thing: { collection: 'extra-times', id },
        seen: async () => (await shop.thing('service-orders', serviceOrderId))['endsAt'],
        wanted: '2026-11-24T10:45:00.000Z',
      };
    },
  },
  payErrandTask: thingOf(20, 'errand-tasks', 'taskId', () => ({}), undefined, 'open'),
  buyBlindBoxPulls: {
    stage: async (shop, payer) => {
      await shop.set('price.blindBoxPull', 30);
      const before = Number((await quantityOf(shop, payer, 'blind_box_pulls', 'blind_box')) ?? 0);
      return {
        action: { type: 21, pullTimes: 10 },
        price: 300,
        seen: () => quantityOf(shop, payer, 'blind_box_pulls', 'blind_box'),
        wanted: before + 10,
      };
    },
  },
  publishBlindBox: thingOf(22, 'blind-boxes', 'boxId', () => ({}), undefined, 'published'),
  payCpActivity: {
    missing: { type: 23, cpactivityId: MISSING },
    stage: async (shop, payer) => {
      const cpactivityId = await shop.put('cp-activities', { title: 'a picnic', amount: 1_200 });
      return {
        action: { type: 23, cpactivityId },
        price: 1_200,
        seen: () => quantityOf(shop, payer, 'cp_activity', cpactivityId),
        wanted: 1,
      };
    },
  },
};
