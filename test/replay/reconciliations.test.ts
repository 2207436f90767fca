/** T3 for reconciliations: what their workflow did once, every later version does alike. */
import { RECONCILIATION_PATHS } from './reconciliation-paths.js';
import { replaysEach } from './replaying.js';

await replaysEach(
  'T3 a recorded history of a reconciliation',
  'reconciliations',
  'planted-reconciliation',
  RECONCILIATION_PATHS,
);
