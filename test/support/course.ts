/** The dialect `course` on a stage: a teacher, students, courses, and a relay that tells of payments. */
import { type Client, type TestAnswer, clientOf } from '../../api/test-support.js';
import { type Stage, type StageOptions, openStage } from '../notifications/stage.js';
import { until } from './world.js';

export const TEACHER = 'teacher1';
export const STUDENT = 'student1';
/** Costs a fen. */
export const COURSE = '2';
export const FREE_COURSE = '3';

export type Fields = Record<string, unknown>;

export interface CourseStage {
  stage: Stage;
  api: Client;
  teacher: string;
  student: string;
  /** @param as a token; by the query where the method is GET */
  call: (name: string, fields: Fields, as?: string, method?: 'GET' | 'POST') => Promise<TestAnswer>;
  /** The answer's items; fails unless there are any. */
  items: (name: string, fields: Fields, as?: string) => Promise<Fields[]>;
  /** A student of their own, and their token. */
  newStudent: () => Promise<{ id: string; token: string }>;
  /** Unpaid, of a student who has no other. */
  newOrder: () => Promise<{ order: Fields; token: string; id: string }>;
  addCourse: (id: string, change?: Fields) => Promise<void>;
  /** What the front end does with a trade number. */
  openTrade: (channel: 'alipay' | 'wechat', order: Fields, amount?: number) => Promise<void>;
  payTrade: (order: Fields, how?: Fields) => Promise<void>;
  /** Paid at Alipay, as its relay says too. */
  pay: (order: Fields, token: string, amount?: number) => Promise<void>;
  orderOf: (tradeNo: unknown, as?: string) => Promise<Fields>;
  /** Waits until the order reads so. */
  reads: (order: Fields, payStatus: string, as?: string) => Promise<void>;
  close: () => Promise<void>;
}

/** What a relay says of a fen that was paid. */
export const paidAs = (order: Fields, change: Fields = {}): Fields => ({
  result: 2,
  trade_no: order['trade_no'],
  third_trade_no: '2018070521001',
  third_buyer_id: '2088102175953034',
  amount: '0.01',
  ...change,
});

const toQuery = (fields: Fields): string =>
  new URLSearchParams(
    Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();

export async function openCourse(options: StageOptions = {}): Promise<CourseStage> {
  const stage = await openStage({
    ...options,
    config: {
      takesDocumentedCalls: true,
      courseRelay: { auth: 'query', secret: undefined },
      ...options.config,
    },
  });
  const api = clientOf(stage.context.publicUrl);
  const put = async (path: string, body: Fields): Promise<void> => {
    const { status, text } = await api.admin('PUT', path, body);
    if (status !== 200) throw new Error(`${path} answered ${text}`);
  };
  const person = async (id: string, role: string, name: string): Promise<string> => {
    await put(`/v1/users/${id}`, { name, role });
    return String((await api.admin('POST', `/v1/users/${id}/tokens`)).json['accessToken']);
  };
  const teacher = await person(TEACHER, 'teacher', '李老师');
  const student = await person(STUDENT, 'student', '王小二');
  const addCourse: CourseStage['addCourse'] = (id, change = {}) =>
    put(`/v1/catalog/courses/${id}`, { title: '我的直播课', puberId: TEACHER, price: 1, ...change });
  await addCourse(COURSE);
  await addCourse(FREE_COURSE, { title: '免费课', price: 0 });

  const call: CourseStage['call'] = (name, fields, as, method = 'POST') => {
    const path = name.startsWith('/') ? name : `/order/${name}`;
    return method === 'GET'
      ? api.send('GET', `${path}?${toQuery(fields)}`, { as })
      : api.send('POST', path, { body: fields, as });
  };
  const items: CourseStage['items'] = async (name, fields, as = student) => {
    const { json, text } = await call(name, fields, as);
    if (json['code'] !== 0) throw new Error(`${name} answered ${text}`);
    return (json['data'] as { items: Fields[] }).items;
  };
  const orderOf: CourseStage['orderOf'] = async (tradeNo, as) =>
    (await items('get', { trade_no: tradeNo }, as))[0] ?? {};
  const { control } = stage.flow.providers;
  const openTrade: CourseStage['openTrade'] = async (channel, order, amount = 1) => {
    await control('POST', '/trades', { channel, outTradeNo: order['trade_no'], amount });
  };
  const payTrade: CourseStage['payTrade'] = async (order, how = { notify: false }) => {
    await control('POST', `/trades/${String(order['trade_no'])}/pay`, how);
  };
  const reads: CourseStage['reads'] = (order, payStatus, as) =>
    until(async () => (await orderOf(order['trade_no'], as))['pay_status'] === payStatus);
  let students = 1;
  const newStudent: CourseStage['newStudent'] = async () => {
    students += 1;
    const id = `student${students}`;
    return { id, token: await person(id, 'student', `学生${students}`) };
  };
  return {
    newStudent,
    newOrder: async () => {
      const { id, token } = await newStudent();
      const [order = {}] = await items('create', { album_id: COURSE }, token);
      return { order, token, id };
    },
    openTrade,
    payTrade,
    reads,
    pay: async (order, token, amount) => {
      await openTrade('alipay', order, amount);
      await payTrade(order);
      await call('alipay', { result: 2, trade_no: order['trade_no'], amount: order['amount'] });
      await reads(order, '2', token);
    },
    stage,
    api,
    teacher,
    student,
    call,
    items,
    addCourse,
    orderOf,
    close: () => stage.close(),
  };
}
