/** The dialect `campus` (wire.md, section 2): packages of a school's cards, offered, paid for and looked up. */
import { inArray } from 'drizzle-orm';
import { z } from 'zod';
import { type Caller, isOperator } from '../../../commands/credentials.js';
import {
  type PackageRecord,
  listPackages,
  orderPackages,
  periodsOf,
  recordsByIds,
  recordsByNumber,
} from '../../../commands/packages.js';
import type { Db } from '../../../db/client.js';
import { users } from '../../../db/schema.js';
import { settingsUnder } from '../../../db/settings.js';
import { HoldfastError } from '../../../domain/errors.js';
import type { Endpoint } from '../../endpoint.js';
import { invalid } from '../../json.js';
import { actsFor, askedBy } from '../calls.js';
import { chargeSchema, freeCharge } from '../charge.js';
import { id, optionalText, text } from '../fields.js';
import { type ChargeWish, PINGPP_CHANNELS, assertChargeable, factsOf, payableCharge } from '../pay.js';
import { call } from './call.js';
import {
  TURNS,
  type UserRow,
  idsIn,
  offerSchema,
  readingsOf,
  successSchema,
  toOffer,
  toSuccess,
} from './convert.js';

const SECOND_MS = 1_000;
const DAY_SECONDS = 86_400;
// UnionPay gives a payer no longer.
const HOUR_SECONDS = 3_600;

const searchPayPackages = call(
  {
    name: 'SearchPayPackages',
    summary: '查询付费套餐: what can be bought',
    body: z.object({
      userID: id,
      type: z.number().int().min(0).max(1).meta({ description: '0 card packages, 1 SMS packages.' }),
      payType: z.number().int().min(0).max(1).meta({ description: '0 to buy, 1 to upgrade to.' }),
    }),
    example: { userID: '10129580', type: 0, payType: 0 },
    answered: {
      empName: '陈雅诺',
      selectType: 0,
      qrCode: '二维码地址',
      photo: 'https://images.example/photo.jpeg',
      cardNo: '335731330',
      protocolUrl: '',
      wxAccount: '',
      alipayAccount: '',
      unionPayAccount: '',
      projectDescription: '',
      items: [
        {
          id: '10000001',
          itemName: 'A套餐-不含定位',
          itemPrice: '¥158元/年',
          itemValue: 158,
          description: '包含多监护人,进出校考勤',
          details: [{ icon: '', title: '进出校考勤', content: '每天上学到校、放学离校,都有及时的消息通知' }],
        },
      ],
    },
    data: offerSchema,
  },
  async ({ services: { db }, caller }, { userID, type, payType }) => {
    const userId = actsFor(caller, userID, 'userID');
    const [user] = await usersOf(db, [userId]);
    if (user === undefined) throw noUser(userId);
    const packages = await listPackages(db, type === 0 ? 0 : 1, payType === 0 ? 0 : 1);
    return toOffer(user, await settingsUnder(db, 'campus'), packages);
  },
);

const payMoney = call(
  {
    name: 'PayMoney',
    summary: '支付: order packages, and open their payment',
    description:
      'The price is the server’s, and `amount` (fen, or yuan) is compared with it. `wx_pub` and `wx_lite` need the ' +
      'payer’s openid, of the body or the user.',
    body: z.object({
      channel: z.enum(PINGPP_CHANNELS),
      subject: text(256),
      body: z.string().max(512),
      amount: z.union([z.number(), z.string().max(32)]),
      userID: id,
      empName: z.string().max(128),
      itemIDs: text(1_024),
      type: z.number().int().min(0).max(2).meta({ description: '0 buy, 1 upgrade, 2 renew.' }),
      openid: optionalText(128),
    }),
    example: {
      channel: 'wx',
      subject: '智慧校园一卡通',
      body: '套餐B-带定位功能',
      amount: 0.01,
      userID: '10129580',
      empName: '陈雅诺',
      itemIDs: '10000002',
      type: 0,
    },
    answered: {
      recordIDs: '10000001',
      chargeData: {
        error: 0,
        charge: {
          id: 'ch_55370ecc30b55c7805829b33',
          object: 'charge',
          created: 1_470_976_321,
          livemode: false,
          paid: false,
          refunded: false,
          app: 'app_DKWLKKDu9eLODmnv',
          channel: 'alipay_wap',
          order_no: '83aac82bbbfc084a',
          client_ip: '127.0.0.1',
          amount: 1,
          currency: 'cny',
          subject: '短信支付',
          body: '一年的短信费用',
          time_expire: 1_471_062_721,
          credential: {
            object: 'credential',
            alipay_wap: { channel_url: 'https://openapi.alipay.com/gateway.do' },
          },
        },
      },
    },
    data: z.object({
      recordIDs: z.string().meta({ description: 'A record per item, with commas between them.' }),
      chargeData: z.object({ error: z.literal(0), charge: chargeSchema }),
    }),
  },
  async ({ services, caller, address }, sent) => {
    const userId = actsFor(caller, sent.userID, 'userID');
    const asked = askedBy(caller, userId);
    const lifeMs = (sent.channel.startsWith('upacp') ? HOUR_SECONDS : DAY_SECONDS) * SECOND_MS;
    const wish: ChargeWish = {
      channel: sent.channel,
      address,
      by: asked.by,
      openid: sent.openid,
      body: sent.body,
      ...(await waysBack(services.db, services.config.publicUrl)),
    };
    const packageIds = idsIn(sent.itemIDs, 'itemIDs');
    const believed = readingsOf(sent.amount);
    await assertChargeable(services, userId, wish);
    const { order, records } = await orderPackages(
      services.commands,
      {
        userId,
        packageIds,
        turn: TURNS[sent.type] ?? 'buy',
        subject: sent.subject,
        believed,
        expiresInMs: lifeMs,
      },
      asked,
    );
    // As old as its order: the charge runs out exactly a day, or an hour, after it was made.
    const dated = { ...wish, createdAt: new Date(order.expiresAt.getTime() - lifeMs) };
    const charge =
      order.amount === 0
        ? freeCharge(order, factsOf(services, order, dated))
        : await payableCharge(services, order, dated);
    return {
      recordIDs: records.map((record) => record.id).join(','),
      chargeData: { error: 0 as const, charge },
    };
  },
);

/** Where the payer's browser goes afterwards: settings, or the address of this server. */
async function waysBack(db: Db, publicUrl: string): Promise<Pick<ChargeWish, 'returnUrl' | 'extra'>> {
  const { successUrl, cancelUrl } = await settingsUnder(db, 'campus');
  const returnUrl = typeof successUrl === 'string' ? successUrl : `${publicUrl}/`;
  const cancel = typeof cancelUrl === 'string' ? cancelUrl : returnUrl;
  return { returnUrl, extra: { success_url: returnUrl, cancel_url: cancel } };
}

const searchSuccessData = call(
  {
    name: 'SearchSuccessData',
    summary: '获取付款成功信息: what was paid for, and from when to when it runs',
    description:
      'By `ids`, or by `userID` and `orderNumber`. One record answers an object, several an array.',
    body: z.object({ ids: optionalText(1_024), userID: optionalText(64), orderNumber: optionalText(64) }),
    example: { userID: '10129580', orderNumber: '123456789' },
    answered: {
      projectName: '智慧校园',
      itemName: 'B套餐-含定位',
      payStartDate: '2026-11-30 08:00:00',
      payEndDate: '2027-11-30 08:00:00',
      empName: '陈雅诺',
      imei: '',
      sim: '',
      gradeName: '',
      className: '',
      mobile: '',
    },
    data: z.union([successSchema, z.array(successSchema)]),
  },
  async ({ services: { db }, caller }, { ids, userID, orderNumber }) => {
    const records = await wantedRecords(db, { ids, userID, orderNumber });
    if (records.length === 0 || !records.every((record) => maySee(caller, record))) {
      throw new HoldfastError('order_not_found', { message: 'there is no such record' });
    }
    const paid = await periodsOf(db, records);
    const [texts, people] = await Promise.all([
      settingsUnder(db, 'campus'),
      usersOf(
        db,
        records.map(({ userId }) => userId),
      ),
    ]);
    const shown = paid.map((one) => {
      const user = people.find(({ id: userId }) => userId === one.record.userId);
      if (user === undefined) throw noUser(one.record.userId);
      return toSuccess(one, user, texts);
    });
    const [only, ...more] = shown;
    return only !== undefined && more.length === 0 ? only : shown;
  },
);

/** `ids` win. All of them, or none. */
async function wantedRecords(
  db: Db,
  {
    ids,
    userID,
    orderNumber,
  }: { ids?: string | undefined; userID?: string | undefined; orderNumber?: string | undefined },
): Promise<PackageRecord[]> {
  if (ids !== undefined) {
    const wanted = idsIn(ids, 'ids').map(Number);
    const found = await recordsByIds(db, wanted);
    return found.length === wanted.length ? found : [];
  }
  if (userID === undefined) throw invalid('body', 'userID', 'is needed, or ids', 'missing');
  if (orderNumber === undefined) throw invalid('body', 'orderNumber', 'is needed, or ids', 'missing');
  const found = await recordsByNumber(db, orderNumber);
  return found.filter(({ userId }) => userId === userID);
}

function maySee(caller: Caller | undefined, { userId }: PackageRecord): boolean {
  return caller?.kind !== 'user' || isOperator(caller) || caller.userId === userId;
}

function usersOf(db: Db, ids: string[]): Promise<UserRow[]> {
  return db.select().from(users).where(inArray(users.id, ids));
}

function noUser(userId: string): HoldfastError {
  return new HoldfastError('user_not_found', { message: `there is no user ${userId}`, details: { userId } });
}

export const campusEndpoints: readonly Endpoint[] = [searchPayPackages, payMoney, searchSuccessData];
