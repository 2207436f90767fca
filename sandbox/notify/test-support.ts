import { expect, vi } from 'vitest';
import { orderNo, type ControlAnswer, type Receiver, type TestSandbox } from '../test-support.js';

/** One row of `GET /notifications`. */
export type DeliveryRow = ControlAnswer['data'][number];

/** Opens a trade whose payment is told to `url`, without a merchant's call. */
export async function openTrade(at: TestSandbox, channel: string, url: string): Promise<string> {
  const no = orderNo();
  const body = { channel, outTradeNo: no, amount: 100, notifyUrl: url };
  expect((await at.control('POST', '/trades', body)).status).toBe(201);
  return no;
}

/** Opens such a trade and pays it. */
export async function payNew(at: TestSandbox, channel: string, url: string): Promise<string> {
  const no = await openTrade(at, channel, url);
  expect((await at.control('POST', `/trades/${no}/pay`)).status).toBe(200);
  return no;
}

/** The delivery attempts of an order, once they satisfy `ready`. */
export async function deliveries(
  at: TestSandbox,
  no: string,
  ready: (found: readonly DeliveryRow[]) => boolean,
): Promise<readonly DeliveryRow[]> {
  return vi.waitFor(
    async () => {
      const { data } = await at.control('GET', `/notifications?outTradeNo=${no}`);
      if (!ready(data)) throw new Error(`Not there yet: ${JSON.stringify(data)}`);
      return data;
    },
    { timeout: 10_000, interval: 10 },
  );
}

export function count(wanted: number): (found: readonly DeliveryRow[]) => boolean {
  return (found) => found.length >= wanted;
}

export function inState(state: string): (found: readonly DeliveryRow[]) => boolean {
  return (found) => found.some((delivery) => delivery['state'] === state);
}

/** Alipay's notifications as the merchant reads them. */
export function forms(receiver: Receiver): Record<string, string>[] {
  return receiver.received.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
}
