import { grant } from './grants.js';
import { payThing } from './pay-thing.js';
import { effect } from './step.js';

/** Type 15: a course is paid; `id` is the record of the purchase. */
export const payCourseOrder = effect('payCourseOrder', async (tx, { id }, step) => {
  const { courseId } = await payThing(tx, step, 'course-orders', id);
  await grant(tx, step, { kind: 'course', ref: courseId });
});
