/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/__tests__'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.[cm]?[jt]s$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript', dynamicImport: true }, target: 'es2023' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Our ESM sources and the ESM-only packages are compiled to CommonJS for tests.
  moduleNameMapper: {
    // A thread cannot run TypeScript: it gets what was built.
    '^\\./worker-file\\.js$': '<rootDir>/__tests__/support/worker-file.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transformIgnorePatterns: [
    '/node_modules/(?!(http-proxy-middleware|httpxy|is-plain-obj|jose|oidc-provider|jwks-rsa|koa|@koa|commander|fast-check|pure-rand)/)',
  ],
  setupFiles: process.env.FAST_CHECK_RUNS ? ['<rootDir>/__tests__/support/fast-check-runs.ts'] : [],
  testTimeout: 60_000,
  reporters: ['default', '<rootDir>/scripts/attack-tally.mjs'],
  coverageDirectory: 'coverage',
  collectCoverageFrom: ['src/**/*.ts'],
  coverageReporters: ['text-summary'],
  coverageThreshold: Object.fromEntries(
    ['auth', 'tokens', 'config', 'gateway'].map((folder) => [`./src/${folder}/`, { lines: 95, statements: 95 }]),
  ),
};
