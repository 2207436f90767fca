import { countCourses } from '../db/courses.js';
import type { Db } from '../db/client.js';

export function createCourseActivities(db: Db) {
  return {
    /** Counts anew, so a repeat changes nothing but the moment. */
    countCourseTotals: (): Promise<void> => countCourses(db),
  };
}
