/**
 * Records the histories anew: `npx vitest run --config test/replay/record.config.ts`. To be done when a path is
 * added. An old recording that no longer replays is not to be recorded over: it stands for orders that are running,
 * and the change belongs behind a patch in `workflows/versions.ts`.
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Flow, startFlow } from '../support/flow.js';
import { billProvider } from '../support/bills.js';
import { PATHS, prepareWorld } from '../support/paths.js';
import { renewalHandle } from '../support/membership-flow.js';
import { withdrawalHandle } from '../support/withdrawal-flow.js';
import { addUsers } from '../support/world.js';
import { historyNames, writeHistory } from './files.js';
import { MEMBERSHIP_PATHS } from './membership-paths.js';
import { RECONCILIATION_PATHS } from './reconciliation-paths.js';
import { WITHDRAWAL_PATHS } from './withdrawal-paths.js';

describe('a recording', () => {
  let flow: Flow;
  let known: string[];
  beforeAll(async () => {
    flow = await startFlow();
    known = await historyNames();
    await prepareWorld(flow);
  });
  afterAll(() => flow.close());

  it.each(PATHS)('of $name', async ({ name, run }) => {
    const orderNo = await run(flow);
    if (!known.includes(name)) await writeHistory(name, await flow.workflow(orderNo).fetchHistory());
  });

  it.each(WITHDRAWAL_PATHS)('of a withdrawal that is $name', async ({ name, run }) => {
    const history = await withdrawalHandle(flow, await run(flow)).fetchHistory();
    if (!(await historyNames('withdrawals')).includes(name)) await writeHistory(name, history, 'withdrawals');
  });

  it.each(MEMBERSHIP_PATHS)('of a membership that is $name', async ({ name, run }) => {
    const history = await renewalHandle(flow, await run(flow)).fetchHistory();
    if (!(await historyNames('memberships')).includes(name)) await writeHistory(name, history, 'memberships');
  });
});

describe('a recording', () => {
  const provider = billProvider();
  let flow: Flow;
  beforeAll(async () => {
    flow = await startFlow({ channels: provider.channels });
    await addUsers(flow.database.db);
  });
  afterAll(() => flow.close());

  it.each(RECONCILIATION_PATHS)('of a reconciliation: $name', async ({ name, run }) => {
    const history = await (await run(flow, provider)).fetchHistory();
    const known = await historyNames('reconciliations');
    if (!known.includes(name)) await writeHistory(name, history, 'reconciliations');
  });
});
