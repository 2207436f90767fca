import type { Wechatpay } from 'wechatpay-axios-plugin';
import { testSandbox, wechatClient, type MerchantEnvironment, type TestSandbox } from '../../test-support.js';

/** What the client got: a verified success, or a refusal. */
export interface Answer {
  readonly status: number;
  readonly data: Record<string, unknown>;
}

/** A sandbox and its merchant's calls, by the client that verifies the signature of every success. */
export interface WechatMerchant {
  readonly sandbox: TestSandbox;
  readonly env: (name: string) => string;
  readonly order: (no: string, changes?: object) => object;
  readonly post: (path: string, body: object, client?: Wechatpay) => Promise<Answer>;
  readonly get: (path: string, params?: object) => Promise<Answer>;
  readonly create: (no: string, changes?: object, way?: string) => Promise<Answer>;
  readonly query: (no: string) => Promise<Answer>;
  readonly close: (no: string) => Promise<Answer>;
}

/** Each way to pay, with what it needs beyond the common fields. */
export const WAYS = [
  ['native', {}],
  ['jsapi', { payer: { openid: 'openid-1' } }],
  ['app', {}],
  ['h5', { scene_info: { payer_client_ip: '10.0.0.1', h5_info: { type: 'Wap' } } }],
] as const;

export async function testMerchant(): Promise<WechatMerchant> {
  const sandbox = await testSandbox();
  const client = wechatClient(sandbox.environment);
  const env = (name: string): string => sandbox.environment[name] ?? '';
  const order = (no: string, changes: object = {}): object => orderOf(sandbox.environment, no, changes);
  const post = (path: string, body: object, wx: Wechatpay = client): Promise<Answer> =>
    settled(wx.chain(path).post<unknown, Answer>(body));
  const get = (path: string, params: object = { mchid: env('WECHAT_MCH_ID') }): Promise<Answer> =>
    settled(client.chain(path).get<unknown, Answer>({ params }));
  return {
    sandbox,
    env,
    order,
    post,
    get,
    create: (no, changes = {}, way = 'native') => post(`v3/pay/transactions/${way}`, order(no, changes)),
    query: (no) => get(`v3/pay/transactions/out-trade-no/${no}`),
    close: (no) => post(`v3/pay/transactions/out-trade-no/${no}/close`, { mchid: env('WECHAT_MCH_ID') }),
  };
}

/** The body of an order over 1234 fen. */
export function orderOf(environment: MerchantEnvironment, no: string, changes: object = {}): object {
  return {
    appid: environment['WECHAT_APP_ID'],
    mchid: environment['WECHAT_MCH_ID'],
    description: 'Two tickets / 两张票',
    out_trade_no: no,
    notify_url: 'http://127.0.0.1:9/notify',
    amount: { total: 1234, currency: 'CNY' },
    ...changes,
  };
}

/** A refusal is an answer like any other; a signature that does not verify is an error. */
export async function settled(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    const { response, code } = error as { response?: Answer; code?: string };
    if (!response || code?.startsWith('EV3')) throw error;
    return response;
  }
}
