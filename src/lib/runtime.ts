/** Refuses to run if the runtime disables checks: lenient parsing, unverified TLS, an old Node version. */

export interface RuntimeFacts {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly execArgv: readonly string[];
}

export interface RuntimeFindings {
  /** The process must not start. */
  readonly errors: readonly string[];
  /** The process starts and logs these. */
  readonly warnings: readonly string[];
}

/** The first version of each release line that keeps every header field it counted (CVE-2026-58044). */
const FLOORS: Readonly<Record<number, readonly [minor: number, patch: number]>> = {
  22: [23, 2],
  24: [18, 1],
  26: [5, 1],
};
const NEWEST_FLOOR = 26;

const REFUSED_FLAGS: Readonly<Record<string, string>> = {
  '--insecure-http-parser': 'accepts requests that two parsers read differently',
  '--tls-min-v1.0': 'allows TLS 1.0',
  '--tls-min-v1.1': 'allows TLS 1.1',
  '--security-revert': 'brings back a hole that was closed',
};

const LOADS_CODE = 'loads code before the gateway';

/**
 * A person who can set these flags controls the process, so they are no attack. The warning is for flags that were set
 * by mistake.
 */
const NOTED_FLAGS: readonly (readonly [why: string, flags: readonly string[]])[] = [
  [LOADS_CODE, ['--require', '-r', '--import', '--loader', '--experimental-loader']],
  ['lets a debugger read every credential', ['--inspect', '--inspect-brk', '--inspect-wait']],
  [
    'writes the environment or the memory, secrets included, to a file',
    [
      ...['--report-on-fatalerror', '--report-on-signal', '--report-uncaught-exception'],
      ...['--heapsnapshot-signal', '--heapsnapshot-near-heap-limit'],
    ],
  ],
  ['trusts whatever SSL_CERT_FILE and SSL_CERT_DIR name', ['--use-openssl-ca']],
];

/** Values that turn a flag off. `node --test` starts its processes with the default value of every flag. */
const OFF = /^(?:--heapsnapshot-near-heap-limit=0|--(?:heapsnapshot-signal|tls-keylog)=)$/;

export function inspectRuntime(facts: RuntimeFacts = current()): RuntimeFindings {
  const errors: string[] = [];
  const warnings: string[] = [];
  const old = tooOld(facts.version);
  if (old !== undefined) errors.push(old);
  const flags = [...(facts.env.NODE_OPTIONS ?? '').split(/\s+/), ...facts.execArgv]
    .map((flag) => flag.replace(/^["']|["']$/g, '').replaceAll('_', '-'))
    .filter((flag) => !OFF.test(flag))
    .map((flag) => flag.split('=')[0] ?? '');
  for (const [flag, why] of Object.entries(REFUSED_FLAGS)) {
    if (flags.includes(flag)) errors.push(`Node runs with ${flag}, which ${why}: remove it`);
  }
  for (const [why, noted] of NOTED_FLAGS) {
    const set = noted.filter((flag) => flags.includes(flag));
    // Vitest loads a file of its own into each process.
    if (why === LOADS_CODE && facts.env.VITEST === 'true') continue;
    if (set.length > 0) warnings.push(`Node runs with ${set.join(', ')}, which ${why}`);
  }
  if (facts.env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    errors.push('NODE_TLS_REJECT_UNAUTHORIZED=0 turns off every certificate check: unset it');
  }
  if (facts.env.SSLKEYLOGFILE || flags.includes('--tls-keylog'))
    warnings.push('TLS session keys are written to a file');
  if (debugsRequests(facts.env.NODE_DEBUG ?? '')) {
    warnings.push('NODE_DEBUG prints requests with their credentials');
  }
  return { errors, warnings };
}

const TALKATIVE = ['http', 'https', 'http2', 'net', 'tls', 'stream', 'fetch', 'undici', 'websocket'];

/** As Node reads it: names between commas, case-insensitive, where `*` matches any characters. */
function debugsRequests(names: string): boolean {
  const patterns = names.split(',').map((name) => {
    const literal = name.trim().replace(/[^*\w]/g, '\\$&');
    return new RegExp(`^${literal.replaceAll('*', '.*')}$`, 'i');
  });
  return TALKATIVE.some((name) => patterns.some((pattern) => pattern.test(name)));
}

function tooOld(version: string): string | undefined {
  const [major = 0, minor = 0, patch = 0] = version
    .replace(/^v/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  const floor = FLOORS[major];
  const fits = floor ? minor > floor[0] || (minor === floor[0] && patch >= floor[1]) : major > NEWEST_FLOOR;
  const wanted = Object.entries(FLOORS).map(([line, rest]) => [line, ...rest].join('.'));
  return fits ? undefined : `Node ${version} is not safe here: use ${wanted.join(', ')} or later on the same line`;
}

function current(): RuntimeFacts {
  return { version: process.version, env: process.env, execArgv: process.execArgv };
}
