import { defineConfig } from 'vitest/config';
import { EVERYWHERE, GLOBAL_SETUP } from '../../vitest.config.js';

export default defineConfig({
  test: { ...EVERYWHERE, globalSetup: GLOBAL_SETUP, include: ['test/replay/record.ts'] },
});
