/** The verdict on histories sees the faults that are planted in them. */
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase, sqlAs } from './database.js';
import { historyViolations } from './verdict.js';
import { type World, saneWorld } from './verdict-world.js';

let database: TestDatabase;
let world: World;
let refunds: { id: string; status: string }[];
let inboxId: string;

beforeAll(async () => {
  database = await freshDatabase();
  world = await saneWorld(database.db);
  await sqlAs(database.superuserUrl, async (sql) => {
    refunds = await sql`SELECT id, status FROM refunds WHERE status IN ('processing', 'succeeded', 'failed')`;
    // Over, so that what is still pending of it was dropped.
    const [row] = await sql<{ id: string }[]>`
      UPDATE inbox SET state = 'pending' WHERE out_trade_no = ${world.released} RETURNING id`;
    inboxId = row?.id ?? '';
  });
});
afterAll(() => database?.close());

interface Told {
  status: string;
  events: object[];
}

const scheduled = (eventId: number, activityId: string) => ({
  eventId,
  activityTaskScheduledEventAttributes: { activityId },
});
const completed = (scheduledEventId: number) => ({
  activityTaskCompletedEventAttributes: { scheduledEventId },
});
const signalled = (given: object) => ({
  workflowExecutionSignaledEventAttributes: {
    signalName: 'paymentReceived',
    input: { payloads: [defaultPayloadConverter.toPayload(given)] },
  },
});
const accepted = {
  workflowExecutionUpdateAcceptedEventAttributes: {
    acceptedRequest: { meta: { updateId: 'u1' }, input: { name: 'confirm' } },
  },
};
const answered = { workflowExecutionUpdateCompletedEventAttributes: { meta: { updateId: 'u1' } } };
const taskFailed = (cause: number) => ({
  workflowTaskFailedEventAttributes: { cause, failure: { message: 'why' } },
});

const CHAIN = [scheduled(1, '0'), completed(1), scheduled(3, '0.0'), completed(3), scheduled(5, '0.0.0')];

/** As the workflows of the sane world would be. */
function asTheyAre(w: World): Map<string, Told> {
  const over = [w.released, w.closed, w.autoConfirmed, ...w.chargedBack];
  const running = [w.held, w.walletPaid, w.misfit];
  const told = new Map<string, Told>();
  for (const no of over) told.set(`order/${no}`, { status: 'COMPLETED', events: [accepted, answered] });
  for (const no of running) told.set(`order/${no}`, { status: 'RUNNING', events: [accepted, taskFailed(1)] });
  told.set(`order/${w.topUp}`, { status: 'RUNNING', events: CHAIN });
  for (const { id, status } of refunds) {
    told.set(`refund/${id}`, { status: status === 'processing' ? 'RUNNING' : 'COMPLETED', events: [] });
  }
  const { paid, failed, bounced, goingOut, awaited } = w.out;
  for (const id of [paid, failed, bounced]) told.set(`withdrawal/${id}`, { status: 'COMPLETED', events: [] });
  for (const id of [goingOut, awaited]) told.set(`withdrawal/${id}`, { status: 'RUNNING', events: [] });
  return told;
}

/** Answers what the test says, and nothing else is asked. */
function temporalThatTells(told: Map<string, Told>): Client {
  const getHandle = (id: string) => {
    const found = told.get(id);
    const answer = <T>(value: T): Promise<T> =>
      found === undefined
        ? Promise.reject(new WorkflowNotFoundError('no such workflow', id, undefined))
        : Promise.resolve(value);
    return {
      fetchHistory: () => answer({ events: found?.events }),
      describe: () => answer({ status: { name: found?.status } }),
    };
  };
  return { workflow: { getHandle } } as unknown as Client;
}

const foundIn = (told: Map<string, Told>) =>
  sqlAs(database.appUrl, (sql) => historyViolations(sql, temporalThatTells(told)));

type Fault = [promise: string, what: string, plant: (told: Map<string, Told>, w: World) => string];

const change = (told: Map<string, Told>, id: string, to: Partial<Told>): string => {
  told.set(id, { status: 'RUNNING', events: [], ...told.get(id), ...to });
  return id.replace('order/', '').replace('refund/', 'refund ').replace('withdrawal/', 'withdrawal ');
};

const FAULTS: Fault[] = [
  ['T5', 'is FAILED', (told, w) => change(told, `order/${w.released}`, { status: 'FAILED' })],
  ['T5', 'is RUNNING', (told, w) => change(told, `order/${w.closed}`, { status: 'RUNNING' })],
  ['T5', 'is COMPLETED', (told, w) => change(told, `order/${w.held}`, { status: 'COMPLETED', events: [] })],
  ['T5', 'is TIMED_OUT', (told, w) => change(told, `refund/${w.refund}`, { status: 'TIMED_OUT' })],
  ['T5', 'is RUNNING', (told, { out }) => change(told, `withdrawal/${out.paid}`, { status: 'RUNNING' })],
  [
    'T5',
    'is COMPLETED',
    (told, { out }) => change(told, `withdrawal/${out.awaited}`, { status: 'COMPLETED' }),
  ],
  [
    'T6',
    'there is none',
    (told, w) => {
      told.delete(`order/${w.misfit}`);
      return w.misfit;
    },
  ],
  [
    'T6',
    'no workflow did it',
    (told, w) => {
      told.delete(`refund/${w.refund}`);
      return `refund ${w.refund}`;
    },
  ],
  ['T3', 'cause 24: why', (told, w) => change(told, `order/${w.released}`, { events: [taskFailed(24)] })],
  ['T3', 'cause 24: why', (told, w) => change(told, `refund/${w.refund}`, { events: [taskFailed(24)] })],
  [
    'T2',
    'step 0 was scheduled again',
    (told, w) => change(told, `order/${w.topUp}`, { events: [...CHAIN, scheduled(9, '0#2')] }),
  ],
  [
    'T2',
    'step 0 completed 2 times',
    (told, w) => change(told, `order/${w.topUp}`, { events: [...CHAIN, completed(1)] }),
  ],
  [
    'T2',
    'step 0.0.0 completed, and SQL does not say so',
    (told, w) => change(told, `order/${w.topUp}`, { events: [...CHAIN, completed(5)] }),
  ],
  [
    'T4',
    'is still pending',
    (told, w) => change(told, `order/${w.released}`, { events: [signalled({ inboxId: Number(inboxId) })] }),
  ],
  [
    'T4',
    'update confirm was accepted and never answered',
    (told, w) => change(told, `order/${w.released}`, { events: [accepted] }),
  ],
];

describe('the verdict on histories', () => {
  it('finds nothing where they are as the orders want them', async () => {
    expect(await foundIn(asTheyAre(world))).toEqual([]);
  });

  it.each(FAULTS)('%s: sees that %s', async (promise, what, plant) => {
    const told = asTheyAre(world);
    const about = plant(told, world);
    expect(await foundIn(told)).toEqual([{ promise, about, what: expect.stringContaining(what) as string }]);
  });

  it('T2: misses the activity of a step that succeeded once its order is over', async () => {
    const told = asTheyAre(world);
    change(told, `order/${world.topUp}`, { status: 'COMPLETED', events: CHAIN.slice(0, 2) });
    expect(await foundIn(told)).toEqual(
      expect.arrayContaining([
        { promise: 'T2', about: world.topUp, what: 'step 0.0 succeeded, and no activity of it completed' },
      ]),
    );
  });

  it('T4: does not mind a hint, or a signal whose payment is where it belongs', async () => {
    const told = asTheyAre(world);
    const events = [signalled({ inboxId: 987_654 }), signalled({ channel: 'alipay', outTradeNo: 'x' })];
    change(told, `order/${world.released}`, { events });
    expect(await foundIn(told)).toEqual([]);
  });
});
