/** What each course has earned by now, counted once an hour (wire.md, section 3: `/order/sum`). */
import { totals } from './proxies.js';

export async function courseTotals(): Promise<void> {
  await totals.countCourseTotals();
}
