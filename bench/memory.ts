/** What a worker holds while orders wait: as much as its cache setting says, however many they are. */
import type { Figure } from './figures.js';
import type { Options } from './options.js';
import { CAN_MEASURE_PROCESSES, residentMb } from './processes.js';
import { type Product, startWorker } from './product.js';
import { waitsForPayment } from './servers.js';
import { each, until } from './stats.js';
import { orderWorkflowId } from '../workflows/contract.js';

const DEFAULT_ORDERS = 1_200;
/** Of the orders that wait, so many are cached; the rest are on the server alone. */
const CACHED_SHARE = 5;
const AT_ONCE = 16;
/** Once the cache is full, memory may still settle, by far less than the orders grow. */
const MOST_GROWTH = 1.25;

async function createWaiting(product: Product, count: number): Promise<void> {
  let last = '';
  await each(Array.from({ length: count }), AT_ONCE, async () => {
    last = (await product.createOrder()).orderNo;
  });
  await until('the last order waits', () => waitsForPayment(product.servers, orderWorkflowId(last)));
}

export async function benchMemory(product: Product, options: Options): Promise<Figure[]> {
  if (!CAN_MEASURE_PROCESSES) return [];
  const orders = options.orders ?? DEFAULT_ORDERS;
  const cached = Math.max(Math.floor(orders / CACHED_SHARE), 10);
  // A worker with nothing in its cache yet, and a small one.
  await product.worker.stop();
  product.worker = await startWorker(product.servers, cached);
  const emptyMb = residentMb(product.worker.pid);
  await createWaiting(product, cached);
  const fullMb = residentMb(product.worker.pid);
  const samples: string[] = [];
  for (let quarter = 1; quarter <= 4; quarter++) {
    const more =
      Math.round(((orders - cached) * quarter) / 4) - Math.round(((orders - cached) * (quarter - 1)) / 4);
    await createWaiting(product, more);
    samples.push(String(Math.round(residentMb(product.worker.pid))));
  }
  const endMb = residentMb(product.worker.pid);
  return [
    {
      what: `worker memory, ${orders} orders waiting, cache of ${cached}`,
      value: endMb,
      unit: 'MB',
      floor: fullMb,
      target: { of: 'ratio', atMost: MOST_GROWTH },
      // Resident memory does not depend on who else computes.
      exact: true,
      note: `floor: when the cache was just full; ${Math.round(emptyMb)} MB empty; after each quarter more ${samples.join(', ')}`,
    },
  ];
}
