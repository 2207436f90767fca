/** T3 for withdrawals: what their workflow did once, every later version does alike. */
import { replaysEach } from './replaying.js';
import { WITHDRAWAL_PATHS } from './withdrawal-paths.js';

await replaysEach(
  'T3 a recorded history of a withdrawal',
  'withdrawals',
  'planted-withdrawal',
  WITHDRAWAL_PATHS,
);
