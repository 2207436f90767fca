/**
 * Records the histories anew: `npx vitest run --config test/replay/record.config.ts`. To be done when a path is
 * added. An old recording that no longer replays is not to be recorded over: it stands for orders that are running,
 * and the change belongs behind a patch in `workflows/versions.ts`.
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Flow, startFlow } from '../support/flow.js';
import { PATHS, prepareWorld } from '../support/paths.js';
import { historyNames, writeHistory } from './files.js';

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
});
