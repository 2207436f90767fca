/** The dialect `market` on a stage: its people, and orders in the states that its calls need. */
import { type Client, type TestAnswer, clientOf } from '../../api/test-support.js';
import { type Stage, openStage } from '../notifications/stage.js';
import { until } from './world.js';

export const BUYER = '55370ecc30b55c7805829b33';
export const SELLER = '55370ecc30b55c7805829b34';
export const STRANGER = '55370ecc30b55c7805829b35';
const OPERATOR = '55370ecc30b55c7805829b36';
export const PAY_PASS = '123456';
export const LOGIN_PASS = 'login-secret';
export const SKILL = '5555c4a1390c9ed166fc7f15';

type Fields = Record<string, unknown>;

export interface Market {
  stage: Stage;
  api: Client;
  tokens: Record<'buyer' | 'seller' | 'stranger' | 'operator', string>;
  /** @param as a token or a key */
  call: (name: string, body: Fields, as?: string) => Promise<TestAnswer>;
  /** Fails unless it answers success. */
  done: (name: string, body: Fields, as?: string) => Promise<Fields>;
  newOrder: (change?: Fields) => Promise<Fields>;
  /** Paid at Alipay, and held. */
  paid: (change?: Fields) => Promise<string>;
  topUp: (userId: string, amount: number) => Promise<void>;
  statusOf: (oid: string) => Promise<unknown>;
  close: () => Promise<void>;
}

export async function openMarket(takesDocumentedCalls = true): Promise<Market> {
  const stage = await openStage({ config: { takesDocumentedCalls } });
  const api = clientOf(stage.context.publicUrl);
  const people = { buyer: BUYER, seller: SELLER, stranger: STRANGER, operator: OPERATOR };
  const tokens = { buyer: '', seller: '', stranger: '', operator: '' };
  for (const [role, id] of Object.entries(people)) {
    const person = {
      name: role === 'seller' ? '郭利军' : role,
      avatar: 'https://images.example/face.png',
      payPassword: PAY_PASS,
      loginPassword: LOGIN_PASS,
      ...(role === 'operator' && { role: 'operator' }),
    };
    await api.admin('PUT', `/v1/users/${id}`, person);
    const minted = await api.admin('POST', `/v1/users/${id}/tokens`);
    tokens[role as keyof typeof tokens] = String(minted.json['accessToken']);
  }
  const call: Market['call'] = (name, body, as) => api.send('POST', `/api/v1/${name}`, { body, as });
  const done: Market['done'] = async (name, body, as) => {
    const { json, text } = await call(name, body, as);
    if (json['success'] !== true) throw new Error(`${name} answered ${text}`);
    return json;
  };
  let rooms = 0;
  const newOrder: Market['newOrder'] = async (change = {}) => {
    rooms += 1;
    const wish = {
      subject: '购买xx服务',
      amount: 100,
      userId: BUYER,
      receiverId: SELLER,
      chatId: `room_${rooms}`,
      skillId: SKILL,
      ...change,
    };
    return (await done('initOrder', wish, tokens.buyer))['order'] as Fields;
  };
  const statusOf = async (oid: string): Promise<unknown> =>
    ((await done('getOrderDetail', { oid }, tokens.operator))['order'] as Fields)['status'];
  return {
    stage,
    api,
    tokens,
    call,
    done,
    newOrder,
    statusOf,
    paid: async (change) => {
      const oid = String((await newOrder(change))['_id']);
      const { charge } = await done('payByPing', { oid, channel: 'alipay' }, tokens.buyer);
      await payCharge(stage, charge as Fields);
      await until(async () => (await statusOf(oid)) === '已付款');
      return oid;
    },
    topUp: async (userId, amount) => {
      const as = userId === BUYER ? tokens.buyer : tokens.seller;
      const wish = { type: 'recharge', subject: '充值', amount, userId, channel: 'alipay' };
      const { order, charge } = await done('initOrder', wish, as);
      await payCharge(stage, charge as Fields);
      await until(async () => (await statusOf(String((order as Fields)['_id']))) === '已完成');
    },
    close: () => stage.close(),
  };
}

/** The payer's app opens Alipay with what the charge holds, and pays. */
export async function payCharge({ flow }: Stage, charge: Fields): Promise<void> {
  const { alipay } = charge['credential'] as { alipay: { orderInfo: string } };
  const credential = { orderString: alipay.orderInfo };
  await flow.providers.control('POST', '/trades', { channel: 'alipay', credential });
  await flow.providers.control('POST', `/trades/${String(charge['order_no'])}/pay`, {});
}
