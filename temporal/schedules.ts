/** What Temporal starts by the clock. */
import { type Client, ScheduleAlreadyRunning, type ScheduleOptions } from '@temporalio/client';
import {
  COURSE_TOTALS_ID,
  COURSE_TOTALS_WORKFLOW,
  DAILY_RECONCILIATION_WORKFLOW,
  type DailyReconciliationInput,
  TASK_QUEUE,
  dailyReconciliationId,
} from '../workflows/contract.js';
import { withDeadline } from './connect.js';

type ReconciledChannel = DailyReconciliationInput['channel'];

const DEADLINE_MS = 10_000;

/**
 * 10:30 in China, which is UTC+8 all year: the last of the bills are made at 10. A start that was missed, however many
 * days ago, is made up for: each compares the day before the one at which it was due, so one may not stand for another,
 * nor wait for it.
 */
function wanted(channel: ReconciledChannel) {
  return {
    spec: { calendars: [{ hour: 2, minute: 30, comment: '10:30 in China' }], timezone: 'UTC' },
    action: {
      type: 'startWorkflow',
      workflowType: DAILY_RECONCILIATION_WORKFLOW,
      workflowId: dailyReconciliationId(channel),
      taskQueue: TASK_QUEUE,
      args: [{ channel } satisfies DailyReconciliationInput],
    },
    policies: { overlap: 'ALLOW_ALL', catchupWindow: '30 days', pauseOnFailure: false },
  } satisfies Omit<ScheduleOptions, 'scheduleId'>;
}

/** On the hour; one that was missed is made up for by the next. */
const HOURLY_TOTALS = {
  spec: { calendars: [{ hour: '*', minute: 0, comment: 'every hour' }], timezone: 'UTC' },
  action: {
    type: 'startWorkflow',
    workflowType: COURSE_TOTALS_WORKFLOW,
    workflowId: COURSE_TOTALS_ID,
    taskQueue: TASK_QUEUE,
    args: [],
  },
  policies: { overlap: 'SKIP', catchupWindow: '1 hour', pauseOnFailure: false },
} satisfies Omit<ScheduleOptions, 'scheduleId'>;

/**
 * Every channel with a bill has its schedule, and what courses earn has one; each is there once, however many workers
 * start at the same time.
 */
export async function ensureSchedules(client: Client, channels: readonly ReconciledChannel[]): Promise<void> {
  for (const channel of channels) await ensure(client, dailyReconciliationId(channel), wanted(channel));
  // So that a new installation has a first count.
  await ensure(client, COURSE_TOTALS_ID, HOURLY_TOTALS, { triggerImmediately: true });
}

/** One that is there is brought up to date; whether an operator has paused it stays as it is. */
async function ensure(
  client: Client,
  scheduleId: string,
  options: Omit<ScheduleOptions, 'scheduleId'>,
  state: ScheduleOptions['state'] = {},
): Promise<void> {
  await withDeadline(client, DEADLINE_MS, async () => {
    try {
      await client.schedule.create({ scheduleId, ...options, state });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await client.schedule
        .getHandle(scheduleId)
        .update(({ state: present }) => ({ ...options, state: present }));
    }
  });
}
