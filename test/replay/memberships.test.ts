/** T3 for memberships that renew themselves: what their workflow did once, every later version does alike. */
import { MEMBERSHIP_PATHS } from './membership-paths.js';
import { replaysEach } from './replaying.js';

await replaysEach(
  'T3 a recorded history of a membership',
  'memberships',
  'planted-membership',
  MEMBERSHIP_PATHS,
);
