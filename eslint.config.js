import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What turns text into markup or code, or keeps a credential. */
const FORBIDDEN = [
  ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'setHTMLUnsafe', 'parseHTMLUnsafe', 'createContextualFragment'],
  ...['write', 'writeln', 'srcdoc', 'cssText', 'cookie', 'localStorage', 'sessionStorage', 'indexedDB', 'pushState'],
];
const STORES = [
  'localStorage',
  'sessionStorage',
  'indexedDB',
  'caches',
  'cookieStore',
  'eval',
  'Function',
  'DOMParser',
];
const NO_MARKUP = 'nothing that a client sent is markup, and no credential is kept';
const NO_STORE = NO_MARKUP;
const browserGlobals = Object.fromEntries(
  [
    ...[
      'document',
      'location',
      'fetch',
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'addEventListener',
    ],
    ...['requestAnimationFrame', 'cancelAnimationFrame', 'queueMicrotask', 'matchMedia', 'btoa', 'performance'],
    ...['AbortController', 'AbortSignal', 'TextEncoder', 'TextDecoderStream', 'Node', 'Element', 'HTMLElement', 'Intl'],
    ...[
      'HTMLInputElement',
      'HTMLTextAreaElement',
      'HTMLSelectElement',
      'URL',
      'URLSearchParams',
      'Headers',
      'navigator',
    ],
  ].map((name) => [name, 'readonly']),
);

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules', '**/*.d.ts'] },
  js.configs.recommended,
  {
    files: ['src/**/*.ts', 'src/**/*.cts', '__tests__/**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['src/**/*.ts', 'src/**/*.cts'],
    rules: { 'max-lines': ['error', { max: 250 }] },
  },
  // The console runs in a browser, and shows what clients sent.
  {
    files: ['src/admin/console/*.js'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { project: 'tsconfig.console.json', tsconfigRootDir: import.meta.dirname },
      globals: browserGlobals,
    },
    rules: {
      'max-lines': ['error', { max: 250 }],
      // The pages of the gateway are JSON.
      ...Object.fromEntries(
        ['argument', 'assignment', 'call', 'member-access', 'return'].map((each) => [
          `@typescript-eslint/no-unsafe-${each}`,
          'off',
        ]),
      ),
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-restricted-properties': ['error', ...FORBIDDEN.map((property) => ({ property, message: NO_MARKUP }))],
      'no-restricted-globals': ['error', ...STORES.map((name) => ({ name, message: NO_STORE }))],
      'no-restricted-syntax': ['error', { selector: 'ImportExpression', message: 'import at the top' }],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    ignores: ['src/admin/console/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        performance: 'readonly',
        module: 'readonly',
        require: 'readonly',
        __dirname: 'readonly',
      },
    },
  },
);
