import { readFileSync } from 'node:fs';

/** The `engines` of package.json: `^22.23.2 || ^24.18.1 || >=26.5.1`. */
const { engines } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

if (!isSupported(process.versions.node, engines.node)) {
  console.error(`Tests need Node ${engines.node}, and this is ${process.version}: run them with npm test.`);
  process.exit(1);
}

function isSupported(version, ranges) {
  const [major, ...rest] = version.split('.').map(Number);
  return ranges.split(' || ').some((range) => {
    const [floor, ...least] = range.replace(/^\D+/, '').split('.').map(Number);
    if (major !== floor) return range.startsWith('>=') && major > floor;
    return rest[0] > least[0] || (rest[0] === least[0] && rest[1] >= least[1]);
  });
}

const shared = {
  testEnvironment: '<rootDir>/scripts/test-environment.mjs',
  roots: ['<rootDir>/__tests__'],
  transform: {
    '^.+\\.[cm]?[jt]s$': [
      process.env.LOOM_MUTANT ? '<rootDir>/scripts/mutants/transformer.mjs' : '@swc/jest',
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
    '^\\./compile-thread-file\\.js$': '<rootDir>/__tests__/support/compile-thread-file.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transformIgnorePatterns: [
    '/node_modules/(?!(http-proxy-middleware|httpxy|is-plain-obj|jose|oidc-provider|jwks-rsa|koa|@koa|commander|fast-check|pure-rand|light-my-request|cookie)/)',
  ],
  setupFiles: process.env.FAST_CHECK_RUNS ? ['<rootDir>/__tests__/support/fast-check-runs.ts'] : [],
};

const onUndici = { ...shared, setupFiles: [...shared.setupFiles, '<rootDir>/__tests__/support/on-undici.ts'] };

/** Tests whose upgrades use no engine, that choose the engine themselves, or that never come to an upstream. */
const ENGINE_INDEPENDENT = [
  '/node_modules/',
  '/proxy/upgrade\\.test\\.ts$',
  '/proxy/engines?(-[a-z]+)?\\.(slow\\.)?test\\.ts$',
  '/proxy/upstream/balancer\\.test\\.ts$',
  '/dos/(caches|collisions|expressions|growth|segments)\\.slow\\.test\\.ts$',
  '/int/',
  '/path/any-path\\.slow\\.test\\.ts$',
];

/** @type {import('jest').Config} */
export default {
  // Processes, floods, faults, programs, browsers, and properties at size are in `*.slow.test.ts`.
  projects: [
    {
      ...shared,
      displayName: 'fast',
      testMatch: ['**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '\\.slow\\.test\\.ts$'],
    },
    { ...shared, displayName: 'slow', testMatch: ['**/*.slow.test.ts'] },
    // The tests of forwarding and the attacks that reach an upstream, with the other engine.
    {
      ...onUndici,
      displayName: 'undici',
      testMatch: ['**/proxy/**/*.test.ts'],
      testPathIgnorePatterns: [...ENGINE_INDEPENDENT, '\\.slow\\.test\\.ts$'],
    },
    {
      ...onUndici,
      displayName: 'undici-slow',
      testMatch: [
        '**/proxy/**/*.slow.test.ts',
        '**/attacks/{dos,fwd,hdr,int,mth,path,smg}/*.slow.test.ts',
        '**/attacks/tls/upstream.slow.test.ts',
        '**/attacks/log/{answers,exposure}.slow.test.ts',
      ],
      testPathIgnorePatterns: ENGINE_INDEPENDENT,
    },
  ],
  maxWorkers: '100%',
  testTimeout: 60_000,
  reporters: ['default', '<rootDir>/scripts/test-reporter.mjs'],
  coverageDirectory: 'coverage',
  collectCoverageFrom: ['src/**/*.ts'],
  coverageReporters: ['text-summary'],
};
