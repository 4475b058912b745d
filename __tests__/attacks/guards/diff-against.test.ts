/** Abuses of the comparison with a running gateway: a reader, guesses of secrets, an old offer; each beside a twin. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { PlanComparisons } from '../../../src/admin/plan-comparisons.js';
import { diff } from '../../../src/cli/diff.js';
import type { Terminal } from '../../../src/cli/terminal.js';
import { compileFile } from '../../../src/config/index.js';
import { comparableOf, concealOnce, type Comparable } from '../../../src/difference/comparable.js';
import { agreedKey, newHalf } from '../../../src/difference/key-agreement.js';
import { serve, type Gatekeeper } from '../../../src/serve/serve.js';
import { ask, type Answer } from '../../support/ask.js';
import { freePorts } from '../../support/ports.js';
import { quietLog } from '../../support/quiet-log.js';

const READER = 'token-of-the-reader-0123456789';
const OPERATOR = 'token-of-the-operator-0123456789';
const KEY = 'key-of-the-client-0123456789abcdef';
const SECRET = 'shared-secret-of-the-issuer-0123456789abcdef';
const folder = mkdtempSync(join(tmpdir(), 'loom-diff-'));
const log = quietLog();
let gateway: Gatekeeper;
let [port, admin] = [0, 0];

beforeAll(async () => {
  [port = 0, admin = 0] = await freePorts(2);
  gateway = await serve(write('loom.yaml', {}), { log, watch: false });
});
afterAll(async () => {
  await gateway.stop({ timeout: 0 });
  rmSync(folder, { recursive: true });
});

function fileOf({ keys = [{ name: 'ci', key: KEY }], timeout = '30s' }: { keys?: object[]; timeout?: string }): object {
  return {
    listeners: [{ address: `127.0.0.1:${port}` }],
    admin: {
      address: `127.0.0.1:${admin}`,
      auth: { type: 'bearer', bearer: { token: READER }, operator: { token: OPERATOR } },
    },
    middleware: { auth: { api_key: { keys }, jwt: { issuer: 'https://id.example', audience: 'api', secret: SECRET } } },
    routes: [{ path: '/*', upstream: 'backend', timeout, auth: { methods: ['api_key', 'jwt'] } }],
    upstreams: [{ name: 'backend', endpoints: ['127.0.0.1:9'] }],
  };
}

function write(name: string, parts: Parameters<typeof fileOf>[0]): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(fileOf(parts)));
  return path;
}

const send = (method: string, token: string, body?: unknown): Promise<Answer> => {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const about = text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': text.length };
  const headers = { Authorization: `Bearer ${token}`, ...about };
  return ask({ port: admin, path: '/diff', method, headers, ...(text !== undefined && { body: text }) });
};

/** The comparisons of one process, and plans for them. */
function inProcess() {
  const planOf = (keys: object[]) =>
    compileFile({ config: fileOf({ keys }), file: 'a.yaml' }, { mode: 'serve', env: {} }).plan;
  const own = planOf([{ name: 'ci', key: KEY }]);
  const comparisons = new PlanComparisons(() => own, Date.now);
  const prepare = (keys: object[]) => {
    const { offer, key } = comparisons.offer();
    const half = newHalf();
    const conceal = concealOnce(agreedKey(half, key));
    const plan = JSON.parse(
      JSON.stringify(comparableOf({ plan: planOf(keys), standalone: true }, conceal)),
    ) as Comparable;
    return { offer: { offer, key: half.publicText }, plan };
  };
  return { comparisons, prepare };
}

const offered = async () => JSON.parse((await send('GET', OPERATOR)).body) as { offer: string; key: string };

async function post(parts: Parameters<typeof fileOf>[0], given?: { offer: string; key: string }): Promise<Answer> {
  const { offer, key } = given ?? (await offered());
  const half = newHalf();
  const { plan } = compileFile({ config: fileOf(parts), file: 'next.yaml' }, { mode: 'serve', env: {} });
  const posted = comparableOf({ plan, standalone: true }, concealOnce(agreedKey(half, key)));
  return send('POST', OPERATOR, { offer, key: half.publicText, plan: posted });
}

async function against(parts: Parameters<typeof fileOf>[0], options: object = {}) {
  const texts = { out: '', err: '' };
  const into = (name: 'out' | 'err') => {
    const stream = new PassThrough();
    stream.on('data', (chunk: Buffer) => (texts[name] += chunk.toString()));
    return stream;
  };
  const terminal: Terminal = {
    stdin: new PassThrough(),
    stdout: into('out'),
    stderr: into('err'),
    env: { LOOM_ADMIN_TOKEN: OPERATOR },
  };
  const code = await diff([write('next.yaml', parts)], { against: `http://127.0.0.1:${admin}`, ...options }, terminal);
  return { code, ...texts };
}

describe('G-39 a file is compared with a running gateway', () => {
  test('a reader is refused, and nothing of the configuration is in the answer', async () => {
    for (const [method, body] of [
      ['GET', undefined],
      ['POST', { offer: '', key: '', plan: {} }],
    ] as const) {
      const answer = await send(method, READER, body);
      expect([answer.status, answer.body]).toEqual([403, expect.stringContaining('admin.auth.operator')]);
    }
  });

  test('no secret and no digest of a secret leaves the gateway or the command', async () => {
    const answers = [await send('GET', OPERATOR), await post({ keys: [{ name: 'ci', key: `${KEY}x` }] })];
    const printed = await against({ keys: [{ name: 'ci', key: `${KEY}x` }] }, { json: true });
    const output = [...answers.map(({ body }) => body), printed.out, printed.err, JSON.stringify(log.entries)].join();
    for (const secret of [KEY, `${KEY}x`, SECRET, READER, OPERATOR]) {
      expect(output).not.toContain(secret);
      for (const encoding of ['hex', 'base64url'] as const)
        expect(output).not.toContain(createHash('sha256').update(secret).digest(encoding).slice(0, 12));
    }
    expect(output).toContain('keys[ci].key');
  });

  test('the same plan has other digests in each comparison, so a recorded one is of no use', async () => {
    const digests = await Promise.all(
      [1, 2].map(async () => {
        const { key } = await offered();
        const { plan } = compileFile({ config: fileOf({}), file: 'a.yaml' }, { mode: 'serve', env: {} });
        return JSON.stringify(comparableOf({ plan, standalone: true }, concealOnce(agreedKey(newHalf(), key))).tree);
      }),
    );
    expect(digests[0]).not.toBe(digests[1]);
  });

  test('an offer counts once, and a plan that is none is refused', async () => {
    const given = await offered();
    expect((await post({}, given)).status).toBe(200);
    expect((await post({}, given)).status).toBe(409);
    for (const plan of [null, {}, { standalone: true, rules: {}, routes: [], tree: {} }]) {
      const { offer } = await offered();
      expect((await send('POST', OPERATOR, { offer, key: newHalf().publicText, plan })).status).toBe(400);
    }
    const { offer } = await offered();
    expect((await send('POST', OPERATOR, { offer, key: 'no key', plan: {} })).status).toBe(400);
  });

  test('twin: the operator sees what the file would change, class by class', async () => {
    expect(await against({})).toEqual({ code: 0, out: 'No caller sees a difference.\n', err: '' });
    const { code, out, err } = await against({
      keys: [
        { name: 'ci', key: KEY },
        { name: 'cd', key: `${KEY}y` },
      ],
      timeout: '5s',
    });
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe(
      [
        'access',
        '  middleware.auth.api_key.keys[cd]: added',
        '',
        'timeouts',
        '  /*, timeout: 30s → 5s',
        '',
        '2 differences: 1 access, 1 timeouts.',
        '',
      ].join('\n'),
    );
  });

  test('guesses of a secret end after a thousand, and comparisons without a new secret do not', async () => {
    const guesses = Array.from({ length: 600 }, (_, at) => ({
      name: 'ci',
      key: `guess-number-${at}-0123456789abcdef`,
    }));
    expect((await post({ keys: guesses })).status).toBe(200);
    const refused = await post({ keys: guesses });
    expect([refused.status, refused.body]).toEqual([429, expect.stringContaining('try again')]);
    expect((await post({ timeout: '1s' })).status).toBe(200);
  });

  /** A plan with another digest in place of each hidden value, which the plan shows as a plain value. */
  const disguised = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(disguised);
    if (typeof value !== 'object' || value === null) return value;
    const { hide, ...rest } = value as { readonly hide?: string };
    const members = Object.entries(
      hide === undefined ? rest : { ...rest, equal: randomBytes(32).toString('base64url') },
    );
    return Object.fromEntries(members.map(([name, each]) => [name, disguised(each)]));
  };

  test('a guess that does not say that it is one counts too, in each place of a plan', () => {
    const { comparisons, prepare } = inProcess();
    const { offer, plan } = prepare(
      Array.from({ length: 600 }, (_, at) => ({ name: 'ci', key: `guess-${at}-0123456789abcdef` })),
    );
    expect(comparisons.compare({ ...offer, plan: disguised(plan) }).kind).toBe('compared');
    const again = prepare(
      Array.from({ length: 600 }, (_, at) => ({ name: 'ci', key: `other-${at}-0123456789abcdef` })),
    );
    expect(comparisons.compare({ ...again.offer, plan: disguised(again.plan) }).kind).toBe('too_many_guesses');
  });

  test('a digest in a setting or in the target of a route counts, and the right digests do not', () => {
    const { comparisons, prepare } = inProcess();
    const guess = () => ({ in: ['access'], equal: randomBytes(32).toString('base64url') });
    const compare = (members: object) => {
      const { offer, plan } = prepare([{ name: 'ci', key: KEY }]);
      const routes = plan.routes.map((route) => ({ ...route, ...members }));
      return comparisons.compare({ ...offer, plan: { ...plan, routes } }).kind;
    };
    const settings = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`guess_${at}`, guess()]));
    expect(compare({ settings })).toBe('compared');
    expect(compare({ target: guess() })).toBe('too_many_guesses');
    expect(compare({ settings: { guess: guess() } })).toBe('too_many_guesses');
    // Twin: a file with the same secrets spends nothing.
    expect(compare({})).toBe('compared');
  });
});
