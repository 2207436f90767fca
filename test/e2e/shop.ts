/** What a merchant's back end, its users and their providers do, over HTTP alone. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Answer } from './http.js';
import type { Stack } from './stack.js';
import { DEADLINE_MS, eventually } from './wait.js';

export type ChannelName = 'alipay' | 'wechat';
/** With those whose notifications no test here writes itself. */
export type AnyChannel = ChannelName | 'pingpp';
export const PAY_PASSWORD = 'open-sesame';

export interface Person {
  id: string;
  token: string;
}

export interface Order {
  id: string;
  orderNo: string;
  status: string;
  amount: number;
  chatOpen: boolean;
  channel: string | null;
  paidAt: string | null;
  releasedAt: string | null;
  releasedBy: string | null;
  closedReason: string | null;
}

export interface Payment {
  paymentId: string;
  channel: string;
  status: string;
  outTradeNo: string;
  credential?: Record<string, string>;
}

export interface Step {
  path: string;
  name: string;
  status: string;
  attempts: number;
  parameters: Record<string, unknown>;
  error?: { code: string; message: string };
}

export interface OrderEvent {
  id: number;
  type: string;
  actor: string;
  reason: string | null;
  data: Record<string, unknown>;
}

export interface Sms {
  orderNo: string;
  path: string;
  mobile: string;
  params: Record<string, unknown>;
  status: string;
}

export interface OperatorItem {
  kind: string;
  ref: string;
  orderNo: string | null;
  status: string;
  details: Record<string, unknown>;
}

export interface Trade {
  tradeNo: string;
  outTradeNo: string;
  status: string;
  amount: number;
  cashierUrl: string;
}

/** One delivery of a notification, with what it was answered. */
export interface Delivery {
  attempt: number;
  status: number | null;
  body: string | null;
  acknowledged: boolean;
  state: string | null;
}

export interface Proof {
  balanced: boolean;
  totalDebit: number;
  totalCredit: number;
  accounts: { account: string; balance: number }[];
}

export interface OrderWish {
  kind?: 'deal' | 'topup' | 'package';
  buyer: Person;
  seller?: Person;
  amount: number;
  nextAction?: unknown;
  chatId?: string;
  expiresIn?: string;
  chatWindow?: string;
  autoConfirmAfter?: string;
}

/** @throws Error with the answer, when it has another status */
export function expectStatus<T>(answer: Answer<T>, status: number): T {
  if (answer.status === status) return answer.body;
  throw new Error(`answered ${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`);
}

export type Shop = ReturnType<typeof openShop>;

export function openShop({ api, sandbox }: Pick<Stack, 'api' | 'sandbox'>) {
  const read = async <T>(path: string): Promise<T> => expectStatus(await api.get<T>(path), 200);
  const listed = async <T>(path: string): Promise<T[]> => (await read<{ data: T[] }>(path)).data;
  const orderOf = (id: string): Promise<Order> => read(`/v1/orders/${id}`);
  const openAttempt = async ({ id }: Order, channel: AnyChannel): Promise<Payment> =>
    expectStatus(await api.post<Payment>(`/v1/orders/${id}/payments`, { channel, scene: 'qr' }), 201);
  const payAtProvider = async ({ outTradeNo }: Payment, wish: object = {}): Promise<Trade> =>
    expectStatus(await sandbox.post<Trade>(`/trades/${outTradeNo}/pay`, wish), 200);

  return {
    addPerson: async (): Promise<Person> => {
      const id = randomBytes(12).toString('hex');
      expectStatus(await api.put(`/v1/users/${id}`, { name: `user ${id}`, payPassword: PAY_PASSWORD }), 200);
      const minted = await api.post<{ accessToken: string }>(`/v1/users/${id}/tokens`);
      return { id, token: expectStatus(minted, 201).accessToken };
    },
    /** @returns its id, which nobody else has */
    addShopOrder: async (owner: Person, amount: number): Promise<string> => {
      const id = String(randomInt(1, 2 ** 47));
      const body = { userId: owner.id, amount, title: `Shop order ${id}` };
      expectStatus(await api.put(`/v1/catalog/shop-orders/${id}`, body), 200);
      return id;
    },
    newOrder: async ({ buyer, seller, kind = 'deal', ...wish }: OrderWish): Promise<Order> => {
      const parties = { buyerId: buyer.id, ...(seller && { sellerId: seller.id }) };
      const body = { kind, ...parties, currency: 'CNY', subject: 'One hour of guitar', ...wish };
      return expectStatus(await api.post<Order>('/v1/orders', body), 201);
    },
    openAttempt,
    payAtProvider,
    /** Opens an attempt and pays it, as a buyer who is quick. */
    pay: async (order: Order, channel: AnyChannel = 'alipay'): Promise<Payment> => {
      const payment = await openAttempt(order, channel);
      await payAtProvider(payment);
      return payment;
    },
    payFromWallet: (order: Order, payPassword: string, token?: string) =>
      api.post<Payment & { code?: string }>(
        `/v1/orders/${order.id}/payments`,
        { channel: 'wallet', payPassword },
        token === undefined ? {} : { token },
      ),
    orderOf,
    orderIs: (order: Order, status: string, withinMs = DEADLINE_MS): Promise<Order> =>
      eventually(
        `order ${order.orderNo} is ${status}`,
        async () => {
          const now = await orderOf(order.id);
          if (now.status !== status) throw new Error(`it is ${now.status}`);
          return now;
        },
        withinMs,
      ),
    walletOf: (person: Person) =>
      read<Record<'cash' | 'withdrawable' | 'held' | 'frozen', number>>(`/v1/wallets/${person.id}`),
    walletEntries: (person: Person) =>
      listed<{ bucket: string; amount: number; kind: string; orderNo: string | null }>(
        `/v1/wallets/${person.id}/entries?limit=100`,
      ),
    timelineOf: ({ id }: Order) => listed<OrderEvent>(`/v1/orders/${id}/timeline`),
    stepsOf: ({ id }: Order) => listed<Step>(`/v1/orders/${id}/actions`),
    smsTo: (mobile: string) => listed<Sms>(`/v1/sms?mobile=${mobile}`),
    shopOrder: (id: string) =>
      read<{ status: string; paidByOrderId: string | null }>(`/v1/catalog/shop-orders/${id}`),
    openItems: async ({ orderNo }: Order): Promise<OperatorItem[]> =>
      (await listed<OperatorItem>('/v1/operator-items?status=open&limit=100')).filter(
        (item) => item.orderNo === orderNo,
      ),
    allOpenItems: () => listed<OperatorItem>('/v1/operator-items?status=open&limit=100'),
    tradeOf: async ({ outTradeNo }: Payment): Promise<Trade> =>
      expectStatus(await sandbox.get<Trade>(`/trades/${outTradeNo}`), 200),
    /** Waits until so many deliveries were made. */
    deliveriesOf: ({ outTradeNo }: Payment, count: number): Promise<Delivery[]> =>
      eventually(`${count} deliveries about ${outTradeNo}`, async () => {
        const path = `/notifications?outTradeNo=${outTradeNo}`;
        const { data } = expectStatus(await sandbox.get<{ data: Delivery[] }>(path), 200);
        if (data.length < count) throw new Error(`there were ${data.length}`);
        return data;
      }),
    addFault: async (fault: object): Promise<void> => {
      expectStatus(await sandbox.post('/faults', fault), 201);
    },
    proof: () => read<Proof>('/v1/ledger/proof'),
  };
}

/** A Chinese mobile number that no other test uses. */
export const newMobile = (): string => `136${String(randomInt(0, 100_000_000)).padStart(8, '0')}`;
