/** Ways that a withdrawal can take through its workflow: recorded once, and replayed by every later version. */
import { eq } from 'drizzle-orm';
import { withdrawals } from '../../db/schema.js';
import type { WithdrawalRow } from '../../db/withdrawals.js';
import type { Flow } from '../support/flow.js';
import {
  accepted,
  approvedAt,
  awaited,
  endedWithdrawal,
  payoutsOf,
  settlePayout,
} from '../support/withdrawal-flow.js';
import { until } from '../support/world.js';

export interface WithdrawalPath {
  name: string;
  /** @returns the withdrawal, once its workflow has ended */
  run: (flow: Flow) => Promise<WithdrawalRow>;
}

export const WITHDRAWAL_PATHS: readonly WithdrawalPath[] = [
  {
    name: 'paid',
    run: async (flow) => {
      const row = await approvedAt(flow, 'alipay');
      await accepted(flow, row);
      await settlePayout(flow, row, 'success');
      return endedWithdrawal(flow, row);
    },
  },
  {
    name: 'failed',
    run: async (flow) => {
      const row = await approvedAt(flow, 'alipay');
      await accepted(flow, row);
      await settlePayout(flow, row, 'fail');
      return endedWithdrawal(flow, row);
    },
  },
  {
    name: 'taken-by-its-receiver',
    run: async (flow) => {
      const row = await approvedAt(flow, 'wechat');
      await awaited(flow, row);
      await settlePayout(flow, row, 'success');
      return endedWithdrawal(flow, row);
    },
  },
  {
    name: 'called-back',
    run: async (flow) => {
      const { db } = flow.context;
      const row = await approvedAt(flow, 'wechat');
      await awaited(flow, row);
      // As it is a day later, without a day of questions.
      const receiverUntil = new Date((await flow.readClock()) + 5_000);
      await db.update(withdrawals).set({ receiverUntil }).where(eq(withdrawals.id, row.id));
      await flow.environment.sleep(10_000);
      await until(async () => (await payoutsOf(flow, row))[0]?.status === 'cancelled');
      return endedWithdrawal(flow, row);
    },
  },
];
