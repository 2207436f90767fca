import { afterAll, beforeAll, describe } from 'vitest';
import { COURSE, type CourseStage, openCourse } from '../support/course.js';
import { readGolden } from '../support/golden.js';
import { testNastyBodies } from './nasty.js';

let course: CourseStage;
beforeAll(async () => {
  course = await openCourse();
});
afterAll(() => course.close());

describe('course', () => {
  // The channel knows of no payment, so no word of a relay can be one.
  testNastyBodies(async () => {
    const [order = {}] = await course.items('create', { album_id: COURSE });
    const places: Record<string, unknown> = { $order: order['id'], $tradeNo: order['trade_no'] };
    const golden = await readGolden('course');
    return {
      api: course.api,
      db: course.stage.db,
      samples: Object.fromEntries(
        Object.entries(golden).map(([name, { request }]) => [
          `/order/${name}`,
          Object.fromEntries(
            Object.entries(request).map(([field, value]) => [field, places[String(value)] ?? value]),
          ),
        ]),
      ),
      token: course.student,
      isOurs: ({ code }) => typeof code === 'number',
    };
  });
});
