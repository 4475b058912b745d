/** What the documentation calls by name exists in the code: options, codes, reasons, metrics, flags, variables. */
import { DEFAULT_PREFIX } from '../../src/auth/methods/api-key/store/key-text.js';
import { LOOM_METRICS } from '../../scripts/reference/loom-metrics.mjs';
import * as names from './names.js';
import { PAGES, type Page } from './pages.js';

/** The names of the metrics of Loom's own gateway: the reference maps them. */
const OF_LOOM = new Set(LOOM_METRICS.flatMap(({ loom }) => loom.map((name) => name.replace(/\*$/, ''))));

/** Names of other products and standards that pages need: claims, options of Node, settings of Kubernetes. */
const FOREIGN = new Set([
  ...[
    'realm_access',
    'resource_access',
    'client_id',
    'token_use',
    'at_hash',
    'c_hash',
    'email_verified',
    'common_name',
    'jwks_uri',
  ],
  ...[
    'auth_time',
    'nodejs_version_info',
    'app_metadata',
    'user_metadata',
    'service_role',
    'custom_fields',
    'access_token',
    'id_token',
    'refresh_token',
    'client_credentials',
  ],
  ...['key_auth', 'key_in_query', 'hide_credentials', 'claims_to_verify', 'fault_tolerant', 'least_bytes', 'not_found'],
  ...['wasi_snapshot_preview1', 'wasi_unstable', 'validate_api_key', 'custom_claims', 'identity_nonce', 'set_cookie'],
  ...[
    'NODE_OPTIONS',
    'NODE_EXTRA_CA_CERTS',
    'HTTPS_PROXY',
    'HTTP_PROXY',
    'NO_PROXY',
    'NODE_TLS_REJECT_UNAUTHORIZED',
    'OTEL_SERVICE_NAME',
    'INVALID_MEMORY_ACCESS',
  ],
  ...['SSLKEYLOGFILE', 'NODE_DEBUG', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'CF_Authorization', 'GATEWAY_PORT', 'HEALTH_URL'],
]);
/** Results of an auth method in an explanation, and what a decision needs. */
const EXPLAINED = new Set(['not_evaluated', 'not_tried', 'key_set', 'host_strategy']);
/** Members of a record of the key store, and codes of its errors. */
const RECORD_FIELDS = [
  'not_before',
  'grace_until',
  'replaced_by',
  'last_used',
  'name_taken',
  'digest_taken',
  DEFAULT_PREFIX,
];
const FOREIGN_FLAGS = new Set([
  // Of curl.
  '--url',
  ...[
    '--import',
    '--permission',
    '--allow-fs-read',
    '--allow-worker',
    '--experimental-vm-modules',
    '--cacert',
    '--test',
    '--eval',
    '--count',
    '--lines',
    '--seed',
    '--select',
  ],
  ...[
    '--cert',
    '--key',
    '--data',
    '--insecure',
    ...['--wait', '--build', '--now', '--tag', '--rm', '--prefix'],
    '--release',
    '--target',
    '--config',
    '--use',
    '--no-audit',
    '--api-audiences',
  ],
]);

const spansOf = ({ prose }: Page): string[] => Array.from(prose.matchAll(/`([^`\n]+)`/g), ([, span = '']) => span);

const known = new Set<string>([
  ...[
    ...names.OPTIONS,
    ...names.OPTION_VALUES,
    ...names.REASONS,
    ...names.CODES,
    ...names.DIAGNOSTICS,
    ...names.OUTCOMES,
  ],
  ...[...names.LABELS, ...names.LOG_FIELDS, ...names.REPORT_FIELDS, ...names.EVENTS, ...RECORD_FIELDS],
]);

/** Functions of the plugin interface, which `plugins.test.ts` compares one by one. */
const isHostFunction = (page: Page, word: string): boolean =>
  ['docs/plugins.md', 'docs/reference/options.md'].includes(page.path) &&
  new RegExp(`\\b(?:proxy_)?${word}\\b`).test(names.SOURCE);

test.each(PAGES)('$path: words with underscores are names of the code', (page) => {
  const words = spansOf(page).filter((span) => /^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$/.test(span));
  const unknown = words.filter((word) => {
    if (OF_LOOM.has(word)) return false;
    if (word.startsWith('loom_') && word !== DEFAULT_PREFIX)
      return !names.METRIC_NAMES.has(word.replace(/_(?:bucket|sum|count)$/, ''));
    return !known.has(word) && !FOREIGN.has(word) && !EXPLAINED.has(word) && !isHostFunction(page, word);
  });
  expect([...new Set(unknown)]).toEqual([]);
});

test.each(PAGES)('$path: option paths are paths of the file', (page) => {
  const paths = spansOf(page).filter((span) => /^[a-z_]+(?:\[\])?(?:\.[a-z_]+(?:\[\])?)+$/.test(span));
  const unknown = paths.filter((path) => {
    const [first = '', ...rest] = path.replaceAll('[]', '').split('.');
    if (!names.OPTIONS.has(first)) return false;
    const free = rest.indexOf('claims_to_headers');
    return (free < 0 ? rest : rest.slice(0, free + 1)).some((each) => !names.OPTIONS.has(each));
  });
  // `gate.x`, `req.auth` and claims are no options.
  expect(unknown.filter((path) => !/^(?:jwt|name|host|path|headers|query)\./.test(path))).toEqual([]);
});

test.each(PAGES)('$path: reasons, codes and events that are named as such exist', ({ text }) => {
  const named = (label: string): string[] =>
    Array.from(text.matchAll(new RegExp(`\`(?:"?${label}"?): "?(\\w+)"?\``, 'g')), ([, word = '']) => word);
  expect(named('reason').filter((word) => !names.REASONS.has(word))).toEqual([]);
  expect(named('code').filter((word) => !names.CODES.has(word) && !names.DIAGNOSTICS.has(word))).toEqual([]);
  expect(named('event').filter((word) => !names.SOURCE.includes(`event: '${word}'`))).toEqual([]);
  expect(named('outcome').filter((word) => !names.OUTCOMES.has(word))).toEqual([]);
});

test.each(PAGES)('$path: metrics anywhere on it exist', ({ text }) => {
  const words = Array.from(text.matchAll(/\bloom_[a-z_]+\b/g), ([word]) => word.replace(/_(?:bucket|sum|count)$/, ''));
  const known = (word: string): boolean => names.METRIC_NAMES.has(word) || OF_LOOM.has(word);
  expect(words.filter((word) => !known(word) && !/^loom_live_?$/.test(word))).toEqual([]);
});

test.each(PAGES)('$path: commands, flags and scripts exist', ({ text }) => {
  const commands = Array.from(text.matchAll(/(?:npx |`)loom-auth ([a-z][a-z-]+)\b/g), ([, command = '']) => command);
  expect(commands.filter((command) => !names.COMMANDS.has(command))).toEqual([]);
  const flags = Array.from(text.matchAll(/(?<![\w-])--[a-z][a-z-]+/g), ([flag]) => flag);
  expect(flags.filter((flag) => !names.FLAGS.has(flag) && !FOREIGN_FLAGS.has(flag))).toEqual([]);
  const scripts = Array.from(text.matchAll(/npm run ([\w:]+)/g), ([, script = '']) => script);
  expect(scripts.filter((script) => !names.SCRIPTS.has(script))).toEqual([]);
});

test.each(PAGES)('$path: environment variables are read by the code or set by a file on the page', (page) => {
  const variables = spansOf(page).filter((span) => /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(span));
  const files = page.blocks.map(({ text }) => text).join('\n');
  const unknown = variables.filter(
    (name) => !FOREIGN.has(name) && !names.SOURCE.includes(name) && !files.includes(`\${${name}`),
  );
  expect(unknown.filter((name) => !/^(?:BAD|PARSE|NOT|INTERNAL|CAS|UNIMPLEMENTED)_/.test(name))).toEqual([]);
});

test.each(PAGES)('$path: members of a gate are members of Loom', ({ text }) => {
  const declared = /export interface Loom [^]*?^}/m.exec(names.SOURCE)?.[0] ?? '';
  const members = Array.from(declared.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm), ([, name = '']) => name);
  expect(members).toEqual(expect.arrayContaining(['protect', 'attach', 'ready']));
  const used = Array.from(text.matchAll(/\bgate\.(\w+)/g), ([, name = '']) => name);
  expect(used.filter((name) => !members.includes(name))).toEqual([]);
});

test.each(PAGES)('$path: words that the log is said to have are in the code', ({ prose }) => {
  const said = Array.from(prose.matchAll(/The log has `([^`:]+ [^`]+)`/g), ([, words = '']) => words);
  expect(said.filter((words) => !/^(?:reason|event): /.test(words) && !names.SOURCE.includes(words))).toEqual([]);
});

describe('the sets', () => {
  test('are read from the code', () => {
    expect(names.REASONS.size).toBeGreaterThan(25);
    expect(names.CODES.size).toBeGreaterThan(20);
    expect(names.METRIC_NAMES.size).toBeGreaterThan(20);
    expect(names.DIAGNOSTICS.size).toBeGreaterThan(40);
    expect([...names.OPTIONS]).toEqual(
      expect.arrayContaining(['claims_to_headers', 'jwks_url', 'chain', 'trusted_proxies']),
    );
    expect([...names.COMMANDS]).toEqual(expect.arrayContaining(['serve', 'check', 'diff']));
  });

  test('hold no name that is made up', () => {
    for (const word of ['claim_to_headers', 'jwks_uri', 'token_expire', 'unauthorised']) {
      expect([word, known.has(word)]).toEqual([word, false]);
    }
  });
});
