/** The dialect `factory` on a stage: its public client, unmodified, and payments at the sandbox. */
import wxapi from 'apifm-wxapi';
import { eq } from 'drizzle-orm';
import { type Client, clientOf } from '../../api/test-support.js';
import { orders } from '../../db/schema.js';
import { type Stage, type StageOptions, openStage } from '../notifications/stage.js';
import { until } from './world.js';

export type Fields = Record<string, unknown>;

export interface WxAnswer {
  code: number;
  msg: string;
  data: unknown;
}

/** The calls of the client that are answered here; its own declarations do not have them all. */
type Call<A extends unknown[]> = (...args: A) => Promise<WxAnswer>;
type ByFields = Call<[Fields]>;
interface WxApi {
  init3: (options: { apiBaseUrl: string; subDomain: string; request: WxRequest }) => void;
  wxpay: ByFields;
  wxpayH5: ByFields;
  wxpayJsapi: ByFields;
  wxpayQrcode: ByFields;
  wxpayApp: ByFields;
  alipayMP: ByFields;
  alipayAPP: ByFields;
  alipayQrcode: ByFields;
  alipayH5: ByFields;
  alipayPC: ByFields;
  payQuery: Call<[token: string, outTradeId: string]>;
  payLogs: ByFields;
  userAmount: Call<[token: string]>;
  userAmountV2: Call<[token: string]>;
  withDrawApply: Call<[token: string, money: string | number]>;
  withDrawApplyV2: ByFields;
  withDrawApplyV3: ByFields;
  withDrawDetail: Call<[token: string, id: string]>;
  withDrawDetailV2: ByFields;
  withDrawLogs: ByFields;
  withDrawLogsV2: ByFields;
  orderPay: Call<[token: string, orderId: string | number]>;
  orderPayV2: ByFields;
  payDeposit: ByFields;
  payDepositV2: ByFields;
  depositList: ByFields;
  depositListV2: ByFields;
  depositInfo: Call<[token: string, id: string]>;
  depositInfoV2: Call<[token: string, id: string]>;
  depositBackApply: Call<[token: string, id: string]>;
  depositBackApplyV2: Call<[token: string, id: string]>;
  payBill: Call<[token: string, money: string | number, pwd?: string]>;
  payBillV2: ByFields;
  payBillDiscounts: Call<[]>;
}

type WxRequest = (url: string, needSubDomain: boolean, method: string, data: unknown) => Promise<WxAnswer>;

export const TENANT = 'shop';
/** The client's own: what it calls there arrives here. */
const COMMON_HOST = 'https://common.apifm.com';

const toForm = (data: unknown): string =>
  new URLSearchParams(
    Object.entries((data ?? {}) as Fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();

/** As a mini program sends it: forms by POST, queries by GET. */
const requestTo =
  (api: Client, baseUrl: string): WxRequest =>
  async (url, needSubDomain, method, data) => {
    const whole = url.startsWith('http') ? url : `${baseUrl}${needSubDomain ? `/${TENANT}` : ''}${url}`;
    const path = whole.replace(COMMON_HOST, '').replace(baseUrl, '');
    const answer =
      method === 'get'
        ? await api.send('GET', `${path}?${toForm(data)}`)
        : await api.send('POST', path, {
            raw: toForm(data),
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
          });
    return answer.json as unknown as WxAnswer;
  };

export interface Member {
  id: string;
  token: string;
}

export interface Factory {
  stage: Stage;
  api: Client;
  wx: WxApi;
  /** A user who has nothing yet but an openid. */
  newMember: (change?: Fields) => Promise<Member>;
  put: (path: string, body: Fields) => Promise<void>;
  /** The answer's data; fails unless it is a success. */
  done: (answer: Promise<WxAnswer>) => Promise<Fields>;
  /** What the payer's device and then the payer do. Resolves once the payment is known here. */
  pay: (member: Member, answered: Fields) => Promise<void>;
  /** Fills a balance, in yuan. @returns what the payment is known by */
  fill: (member: Member, money: string, nextAction?: unknown) => Promise<string>;
  balanceOf: (member: Member) => Promise<unknown>;
  /** Pending, at so many fen. @returns its id */
  addShopOrder: (member: Member, amount: number) => Promise<string>;
  shopOrder: (id: string) => Promise<Fields>;
  countOrders: (member: Member) => Promise<number>;
  /** Where withdrawals go, as a back end stores it. */
  nameAccount: (member: Member) => Promise<void>;
  close: () => Promise<void>;
}

export async function openFactory(config: StageOptions['config'] = {}): Promise<Factory> {
  const stage = await openStage({ config });
  const { publicUrl } = stage.context;
  const api = clientOf(publicUrl);
  const wx = wxapi as unknown as WxApi;
  wx.init3({ apiBaseUrl: publicUrl, subDomain: TENANT, request: requestTo(api, publicUrl) });
  const { control } = stage.flow.providers;
  const put: Factory['put'] = async (path, body) => {
    const { status, text } = await api.admin('PUT', path, body);
    if (status !== 200) throw new Error(`${path} answered ${text}`);
  };
  const done: Factory['done'] = async (answer) => {
    const { code, msg, data } = await answer;
    if (code !== 0) throw new Error(`${code}: ${msg}`);
    return data as Fields;
  };
  await put('/v1/catalog/shops/888', {
    name: '门店',
    discounts: [
      { minAmount: 10_000, amountOff: 1_000 },
      { minAmount: 20_000, percentOff: 10 },
    ],
  });
  let members = 0;
  let shopOrders = 1_000;
  const pay: Factory['pay'] = async ({ token }, { outTradeId, url }) => {
    // Of these Alipay has no trade until the payer's device brings one.
    if (typeof url === 'string') {
      const credential = url.startsWith('http') ? { url } : { orderString: url };
      await control('POST', '/trades', { channel: 'alipay', credential });
    }
    await control('POST', `/trades/${String(outTradeId)}/pay`, {});
    await until(async () => (await done(wx.payQuery(token, String(outTradeId))))['status'] === 1);
  };
  return {
    stage,
    api,
    wx,
    put,
    done,
    pay,
    newMember: async (change = {}) => {
      members += 1;
      const id = `member${members}`;
      await put(`/v1/users/${id}`, { name: `会员${members}`, openid: `o${members}-wx`, ...change });
      const minted = await api.admin('POST', `/v1/users/${id}/tokens`);
      return { id, token: String(minted.json['accessToken']) };
    },
    fill: async (member, money, nextAction) => {
      const wish = { token: member.token, money, ...(nextAction !== undefined && { nextAction }) };
      const answered = await done(wx.wxpay(wish));
      await pay(member, answered);
      return String(answered['outTradeId']);
    },
    addShopOrder: async ({ id: userId }, amount) => {
      shopOrders += 1;
      await put(`/v1/catalog/shop-orders/${shopOrders}`, { userId, amount, title: '茶' });
      return String(shopOrders);
    },
    shopOrder: async (id) => (await api.admin('GET', `/v1/catalog/shop-orders/${id}`)).json,
    countOrders: ({ id }) => stage.db.$count(orders, eq(orders.buyerId, id)),
    nameAccount: ({ id }) =>
      put(`/v1/users/${id}/payout-account`, { channel: 'alipay', no: `${id}@example.com`, name: '韩梅梅' }),
    balanceOf: async ({ token }) => (await done(wx.userAmount(token)))['balance'],
    close: () => stage.close(),
  };
}
