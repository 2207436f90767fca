/** The dialect `campus` on a stage: its payer, its packages, and payments at the sandbox. */
import { type Client, type TestAnswer, clientOf } from '../../api/test-support.js';
import { type Stage, type StageOptions, openStage } from '../notifications/stage.js';
import { until } from './world.js';

/** As the document prints them. */
export const PAYER = '10129580';
export const PACKAGE_A = '10000001';
export const PACKAGE_B = '10000002';
export const WEB_PATH = '/school';

type Fields = Record<string, unknown>;

export interface Bought {
  recordIDs: string;
  charge: Fields;
}

export interface Campus {
  stage: Stage;
  api: Client;
  tokenOf: (userId: string) => Promise<string>;
  call: (name: string, body: Fields, as?: string) => Promise<TestAnswer>;
  /** The answer's `data`; fails unless there is one. */
  done: (name: string, body: Fields, as?: string) => Promise<unknown>;
  addPackage: (id: string, change?: Fields) => Promise<void>;
  /** A user who has nothing yet. @returns their id */
  somebody: () => Promise<string>;
  /** What the payer's device does with a charge, as far as the provider has to hear of it first. */
  openTrade: (channel: string, charge: Fields) => Promise<void>;
  order: (change?: Fields, as?: string) => Promise<Bought>;
  /** By WeChat Pay, and known to be paid. */
  buy: (change?: Fields) => Promise<Bought>;
  close: () => Promise<void>;
}

/** Of these Alipay has no trade until the payer's device brings one. */
const OPENED_BY_PAYER = ['alipay', 'alipay_wap', 'alipay_pc_direct'];

const WISH = {
  channel: 'wx',
  subject: '智慧校园一卡通',
  body: '套餐B-带定位功能',
  amount: 0.01,
  userID: PAYER,
  empName: '陈雅诺',
  itemIDs: PACKAGE_B,
  type: 0,
};

const PERSON = {
  name: '陈雅诺',
  avatar: 'https://images.example/face.png',
  mobile: '13800000000',
  openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  profile: { cardNo: '335731330', imei: '8612', gradeName: '三年级', className: '2班' },
};

const PACKAGE = {
  type: 0,
  payType: 0,
  name: 'B套餐-含定位',
  price: 1,
  days: 365,
  description: '学生定位功能',
  details: [{ icon: 'https://images.example/att.png', title: '进出校考勤', content: '及时的消息通知' }],
};

export async function openCampus(config: StageOptions['config'] = {}): Promise<Campus> {
  const stage = await openStage({
    config: { takesDocumentedCalls: true, campusWebPath: WEB_PATH, ...config },
  });
  const api = clientOf(stage.context.publicUrl);
  const call: Campus['call'] = (name, body, as) => api.send('POST', `/api/Pay/${name}`, { body, as });
  const done: Campus['done'] = async (name, body, as) => {
    const { json, text } = await call(name, body, as);
    if (json['error'] !== 0) throw new Error(`${name} answered ${text}`);
    return json['data'];
  };
  const put = async (path: string, body: Fields): Promise<void> => {
    const { status, text } = await api.admin('PUT', path, body);
    if (status !== 200) throw new Error(`${path} answered ${text}`);
  };
  const order: Campus['order'] = async (change = {}, as) => {
    const { recordIDs, chargeData } = (await done('PayMoney', { ...WISH, ...change }, as)) as {
      recordIDs: string;
      chargeData: { charge: Fields };
    };
    return { recordIDs, charge: chargeData.charge };
  };
  let people = 0;
  const campus: Campus = {
    stage,
    api,
    call,
    done,
    order,
    tokenOf: async (userId) =>
      String((await api.admin('POST', `/v1/users/${userId}/tokens`)).json['accessToken']),
    somebody: async () => {
      people += 1;
      await put(`/v1/users/parent${people}`, PERSON);
      return `parent${people}`;
    },
    openTrade: async (channel, charge) => {
      const held = (charge['credential'] as Record<string, Record<string, string>>)[channel] ?? {};
      const { channel_url: address, orderInfo: orderString, ...rest } = held;
      const url = `${address}?${new URLSearchParams(rest).toString()}`;
      if (!OPENED_BY_PAYER.includes(channel)) return;
      const credential = orderString === undefined ? { url } : { orderString };
      await stage.flow.providers.control('POST', '/trades', { channel: 'alipay', credential });
    },
    addPackage: (id, change = {}) => put(`/v1/catalog/packages/${id}`, { ...PACKAGE, ...change }),
    buy: async (change) => {
      const bought = await order(change);
      await stage.flow.providers.control('POST', `/trades/${String(bought.charge['order_no'])}/pay`, {});
      await until(async () => {
        const { json } = await call('SearchSuccessData', { ids: bought.recordIDs });
        return json['error'] === 0;
      });
      return bought;
    },
    close: () => stage.close(),
  };
  await put(`/v1/users/${PAYER}`, PERSON);
  await campus.addPackage(PACKAGE_A, { name: 'A套餐-不含定位', price: 15_800 });
  await campus.addPackage(PACKAGE_B);
  return campus;
}
