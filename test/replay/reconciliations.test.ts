/** T3 for reconciliations: what their workflow did once, every later version does alike. */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
import { workflowBundle } from '../support/bundle.js';
import { historyNames, readHistory } from './files.js';
import { RECONCILIATION_PATHS } from './reconciliation-paths.js';

// A replay that fails says so itself.
Runtime.install({
  logger: new DefaultLogger('ERROR', () => undefined),
  telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
});

const names = await historyNames('reconciliations');
const PLANTED = fileURLToPath(new URL('./planted-reconciliation/index.ts', import.meta.url));

async function replay(name: string, workflowsPath?: string): Promise<void> {
  const bundle = await workflowBundle(workflowsPath);
  const history = await readHistory(name, 'reconciliations');
  await Worker.runReplayHistory({ workflowBundle: bundle }, history, `reconciliation/${name}`);
}

describe('T3 a recorded history of a reconciliation', () => {
  it('is there for every path', () => {
    expect(names).toEqual(expect.arrayContaining(RECONCILIATION_PATHS.map(({ name }) => name)));
  });

  it.each(names)('replays: %s', async (name) => {
    await replay(name);
  });

  it.each(names)('does not replay with an activity too many: %s', async (name) => {
    await expect(replay(name, PLANTED)).rejects.toThrow(DeterminismViolationError);
  });
});
