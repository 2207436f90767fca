import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
import { workflowBundle, workflowCode } from '../support/bundle.js';
import { PATHS } from '../support/paths.js';
import { historyNames, readHistory } from './files.js';

// A replay that fails says so itself.
Runtime.install({
  logger: new DefaultLogger('ERROR', () => undefined),
  telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
});

const names = await historyNames();

async function replay(name: string, workflowsPath?: string): Promise<void> {
  const bundle = await workflowBundle(workflowsPath);
  await Worker.runReplayHistory({ workflowBundle: bundle }, await readHistory(name), `order/${name}`);
}

const planted = (folder: string): string => fileURLToPath(new URL(`./${folder}/index.ts`, import.meta.url));

describe('T3 the bundle of the workflows', () => {
  it('holds the order and its domain, and neither an activity nor a driver', async () => {
    const code = await workflowCode();
    expect(code).toContain('./workflows/order.ts');
    expect(code).toContain('./domain/order-status.ts');
    expect(code).not.toMatch(/"\.\/(?:activities|db|ledger|channels|relay)\/|drizzle-orm|postgres\/src/);
  });
});

describe('T3 a recorded history', () => {
  it('is there for every path', () => {
    expect(names).toEqual(expect.arrayContaining(PATHS.map(({ name }) => name)));
    expect(names.length).toBeGreaterThanOrEqual(12);
  });

  it.each(names)('replays: %s', async (name) => {
    await replay(name);
  });

  it.each(names)('tells of nobody’s machine and of no phone number: %s', async (name) => {
    const text = JSON.stringify(await readHistory(name));
    expect(text).not.toMatch(/"(identity|stackTrace)":"[^"]/);
    expect(text).not.toMatch(/node_modules|file:\/\//);
    const payloads = [...text.matchAll(/"data":"([^"]*)"/g)].map(([, data]) =>
      Buffer.from(data ?? '', 'base64').toString(),
    );
    expect(payloads.join('\n')).not.toMatch(/(?<![0-9a-f])1[3-9]\d{9}(?![0-9a-f])/);
  });

  it.each(names)('does not replay with an activity too many: %s', async (name) => {
    await expect(replay(name, planted('planted-extra'))).rejects.toThrow(DeterminismViolationError);
  });

  it.each(['one-action', 'two-nested-actions', 'parked-then-retried'])(
    'does not replay with an activity missing: %s',
    async (name) => {
      await expect(replay(name, planted('planted-missing'))).rejects.toThrow(DeterminismViolationError);
    },
  );
});
