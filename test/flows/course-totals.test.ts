/** The hourly count, on the server that people run: the time-skipping one has no schedules. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { courseTotalsOf } from '../../db/courses.js';
import { ensureSchedules } from '../../temporal/schedules.js';
import { COURSE_TOTALS_ID } from '../../workflows/contract.js';
import { type Flow, startFlow } from '../support/flow.js';
import { SELLER, addUsers, insertOrder, until } from '../support/world.js';

let flow: Flow;
beforeAll(async () => {
  flow = await startFlow({ realServer: true });
  await addUsers(flow.context.db);
});
afterAll(() => flow.close());

describe('T6: the schedule of what courses earn', () => {
  it('is there once, on every hour, and counts as it is made', async () => {
    const { db } = flow.context;
    const items = [{ collection: 'courses', id: '7' }];
    await insertOrder(db, { kind: 'course', items, money: 'held', captured: 900, refunded: 300 });
    await insertOrder(db, { kind: 'course', items, money: 'released', captured: 100 });
    await insertOrder(db, { kind: 'course', items });
    await Promise.all(Array.from({ length: 3 }, () => ensureSchedules(flow.environment.client, [])));
    await until(async () => (await courseTotalsOf(db, SELLER)).length > 0);
    expect(await courseTotalsOf(db, SELLER)).toMatchObject([{ courseId: '7', total: 700 }]);
    const { info } = await flow.environment.client.schedule.getHandle(COURSE_TOTALS_ID).describe();
    expect(info.nextActionTimes[0]?.toISOString().slice(13)).toBe(':00:00.000Z');
  });
});
