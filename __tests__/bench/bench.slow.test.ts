/** The benches run with tiny counts and every contender answers correctly. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { dirname, join } from 'node:path';
import { built, NODE, ROOT } from '../support/built.js';
import { runProcess, type Finished } from '../support/process.js';

const has = (program: string, argument: string): boolean => spawnSync(program, [argument]).error === undefined;
/** Twenty processes start one after the other, and a busy machine takes its time. */
const PATIENCE_MS = 300_000;

/** CPU time is read from /proc. */
const onLinux = process.platform === 'linux' ? describe : describe.skip;

function bench(
  script: string,
  counts: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<Finished> {
  // The build that these tests run, at `dist/cli/main.js`.
  const dist = `${pathToFileURL(dirname(dirname(built()))).href}/`;
  return runProcess(NODE, [join(ROOT, 'bench', script), ...args], { env: { BENCH_DIST: dist, ...counts } });
}

const NODE_PEERS = [
  'Express + passport-jwt + jwks-rsa + hpm',
  'Express + express-oauth2-jwt-bearer + hpm',
  '@fastify/http-proxy + cached fast-jwt',
];
const OURS = ['Loom auth', 'Loom auth on undici'].flatMap((name) =>
  ['api_key', 'remembered Basic', 'warm RS256'].map((method) => `${name}, ${method}`),
);
const LOCAL = [
  'Express + express-oauth2-jwt-bearer, local',
  'Express + passport-jwt + jwks-rsa, local',
  'Express + Loom, local, api_key',
  'Express + Loom, local, warm RS256',
];
const REPORT = '# Results\n\n<!-- bench -->\nthe last run\n<!-- /bench -->\n\nThe end.\n';

onLinux('the bench of the gateway', () => {
  let ran: Finished;
  let written: string;

  beforeAll(async () => {
    // Our own generator: wrk may not be installed, and counts in whole seconds.
    const folder = mkdtempSync(join(tmpdir(), 'loom-report-'));
    const file = join(folder, 'report.md');
    writeFileSync(file, REPORT);
    const args = ['--rounds', '1', '--ms', '40', '--report', file];
    ran = await bench('gateway.mjs', { BENCH_WRK: '0', BENCH_WARM: '1' }, args);
    written = readFileSync(file, 'utf8');
    rmSync(folder, { recursive: true });
  }, PATIENCE_MS);

  test.each([...NODE_PEERS, ...OURS, ...LOCAL])('%s passes a good credential and refuses a forged one', (name) => {
    expect(ran.stdout).toContain(`${name}: passes a good credential, refuses a forged one and none`);
  });

  test('every contender has its row, and every target is printed', () => {
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    const bare = ['bare http-proxy-middleware', 'bare undici proxy'];
    const names = ['noop server', 'hand-written proxy', ...bare, ...NODE_PEERS, ...OURS, ...LOCAL];
    const rows = ran.stdout.split('\n');
    expect(names.filter((name) => !rows.some((row) => row.startsWith(`${name}  `)))).toEqual([]);
    expect(ran.stdout.match(/^(?:PASS|MISSED|UNDECIDED|LEFT OUT) /gm)).toHaveLength(15);
  });

  test('the report replaces what is between the marks of the file, and nothing else', () => {
    expect(written).toMatch(/^# Results\n\n<!-- bench -->\n[^]+<!-- \/bench -->\n\nThe end\.\n$/);
    expect(written).not.toContain('the last run');
    for (const name of [...NODE_PEERS, ...OURS, ...LOCAL]) expect(written).toContain(`\n| ${name} | `);
  });

  test('HAProxy is measured if it is installed, and reported as missing if it is not', () => {
    const measured = 'HAProxy jwt_verify: passes a good credential, refuses a forged one and none';
    expect(ran.stdout).toContain(has('haproxy', '-v') ? measured : 'HAProxy jwt_verify: left out');
  });

  test('Envoy is measured if it is installed, and reported as missing if it is not', () => {
    expect(ran.stdout).toMatch(
      /^Envoy jwt_authn: (?:passes a good credential, refuses a forged one and none|left out)/m,
    );
  });
});

onLinux('the other benches', () => {
  test(
    'the check counts each kind of request, and fails where a count has grown',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'loom-baseline-'));
      const baseline = join(folder, 'baseline.json');
      const counts = { BENCH_WARM: '50', BENCH_WINDOWS: '5', BENCH_REQUESTS: '20', BENCH_BASELINE: baseline };
      const written = await bench('check.mjs', counts, ['--update']);
      expect({ code: written.code, stderr: written.stderr }).toEqual({ code: 0, stderr: '' });
      const costs = JSON.parse(readFileSync(baseline, 'utf8')) as Record<string, Record<string, number>>;
      const kinds = ['start', 'open', 'api_key', 'basic', 'warm jwt', 'no credential'];
      expect(Object.keys(costs)).toEqual(
        ['http-proxy-middleware', 'undici'].flatMap((engine) => kinds.map((kind) => `${engine}: ${kind}`)),
      );
      costs['undici: open'] = { ...costs['undici: open'], bytes: 1_000 };
      writeFileSync(baseline, JSON.stringify(costs));
      const { code, stdout } = await bench('check.mjs', counts);
      rmSync(folder, { recursive: true });
      expect(stdout).toMatch(/^MISSED {2}undici: open: bytes 1000 -> \d+$/m);
      expect(code).toBe(1);
    },
    PATIENCE_MS,
  );

  test('the bench of decisions prints every figure', async () => {
    const counts = { BENCH_BATCHES: '1', BENCH_CALLS: '20', BENCH_TOKENS: '3', BENCH_KEYS: '50', BENCH_ROUTES: '50' };
    const { code, stdout, stderr } = await bench('verdicts.mjs', { ...counts, BENCH_IDLE_MS: '1' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/^(?:PASS|MISSED)/gm)).toHaveLength(7);
  });

  test('the floods are refused, and honest clients are served at the same time', async () => {
    const counts = { BENCH_MS: '60', BENCH_PASSES: '1', BENCH_SOCKETS: '5', BENCH_TOKENS: '5', BENCH_SETTLE_MS: '1' };
    const kinds = 'forged tokens,wrong Basic passwords,huge headers,slow bodies';
    const { code, stdout, stderr } = await bench('floods.mjs', { ...counts, BENCH_FLOODS: kinds });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/^(?:PASS|MISSED)/gm)).toHaveLength(8);
  });

  test('the bench of the start measures both packages in fresh processes', async () => {
    const { code, stdout, stderr } = await bench('start.mjs', { BENCH_ROUNDS: '1' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^import 'loom-auth' +\d+/m);
    expect(stdout.match(/^(?:PASS|MISSED)/gm)).toHaveLength(1);
  });

  test('the bench of large files starts, reloads and asks each gateway', async () => {
    const counts = {
      BENCH_ROUTES: '2000',
      BENCH_KEYS: '2000',
      BENCH_TOKENS: '20',
      BENCH_SOCKETS: '20',
      BENCH_RELOADS: '1',
      BENCH_ROUNDS: '1',
    };
    const { code, stdout, stderr } = await bench('scale.mjs', {
      ...counts,
      BENCH_REQUESTS: '100',
      BENCH_SETTLE_MS: '1',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/^(?:PASS|MISSED)/gm)).toHaveLength(13);
    expect(stdout).toMatch(/^memory of an idle WebSocket: -?[\d.]+ KiB$/m);
  }, 300_000);

  test('the soak serves honest clients and no hostile one, through its reloads and faults', async () => {
    const counts = { BENCH_MINUTES: '1', BENCH_ROUND_MS: '1500', BENCH_RELOAD_MS: '300', BENCH_FAULT_MS: '150' };
    const { code, stdout, stderr } = await bench('soak.mjs', counts);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^minute 1: honest 200: \d+/m);
    expect(stdout).toContain('PASS    hostile requests that were served: 0.00');
    expect(stdout).toContain('PASS    honest requests that were called unauthorized: 0.00');
  });
});
