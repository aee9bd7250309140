import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'tests/bench/**'],
    pool: 'forks',
    globalSetup: ['tests/helpers/global-setup.ts'],
    reporters: ['default', './tests/helpers/reporter.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
