import { defineConfig } from 'vitest/config';

/** They start whole stacks, kill processes or judge how fast an answer comes: nothing else may run beside them. */
const ALONE = [
  'test/{chaos,e2e,fleet,kill-points,notifications,replay}/**/*.test.ts',
  'test/flows/notification-chaos.test.ts',
  '{bench,dev,worker}/**/*.test.ts',
  'api/{main,outage}.test.ts',
  'db/connection.test.ts',
  'relay/relay.test.ts',
];

// Of the whole run: each project would start another PostgreSQL if it were theirs.
export const GLOBAL_SETUP = ['test/support/global-setup.ts'];

export const EVERYWHERE = {
  // The Temporal worker's native part wants processes of its own (sdk-typescript issue 876).
  pool: 'forks',
  testTimeout: 60_000,
  hookTimeout: 120_000,
} as const;

export default defineConfig({
  test: {
    globalSetup: GLOBAL_SETUP,
    projects: [
      {
        test: {
          ...EVERYWHERE,
          name: 'beside',
          include: ['**/*.test.ts'],
          exclude: ['node_modules', 'dist', '.holdfast', ...ALONE],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...EVERYWHERE,
          name: 'alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
