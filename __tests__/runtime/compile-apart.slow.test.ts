/** Large files are compiled in a thread: the result is that of a small file, and requests do not wait. */
import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ConfigError } from '../../src/config/diagnostics.js';
import { compileFile, type Compiled } from '../../src/config/index.js';
import { compacted } from '../../src/auth/methods-in-use.js';
import type { Plan } from '../../src/config/plan-types.js';
import type { ConfigSource } from '../../src/config/source.js';
import { planChange } from '../../src/difference/plan-change.js';
import { loom, type Loom } from '../../src/loom.js';
import { compareAccess, type AccessFindings } from '../../src/routing/access-findings.js';
import { compileApart, isForThread } from '../../src/runtime/compile-apart.js';
import { ArrivingPlan, packPlan } from '../../src/runtime/travelling-plan.js';
import { textMutants } from '../config/mutants/text-mutants.js';
import { PAGE_CASES, type PageCase } from '../config/mutants/page-access.js';
import { ask } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { closed, listening } from '../support/recording-upstream.js';

const compactPlan = (plan: Plan): Plan => ({ ...plan, methods: plan.methods.map(compacted) });

const folder = mkdtempSync(join(tmpdir(), 'loom-apart-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Outcome =
  { readonly plan: string; readonly findings: AccessFindings } | { readonly refused: ConfigError['diagnostics'] };

/** A plan as text, with its hidden properties. An object of the thread has other classes than those of Jest. */
const textOf = (plan: Plan): string =>
  inspect(plan, { depth: null, showHidden: true, sorted: true, maxArrayLength: null, maxStringLength: null });

const refusedOr = async (act: () => Promise<Outcome>): Promise<Outcome> => {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof ConfigError) return { refused: cause.diagnostics };
    throw cause;
  }
};

const source = (text: string): ConfigSource => ({ text, file: 'loom.yaml' });

const inline = (before: Plan, text: string, { mode }: PageCase): Promise<Outcome> =>
  refusedOr(() => {
    const compiled = compileFile(source(text), { mode });
    const findings = compareAccess({ plan: before, standalone: mode === 'serve' }, compiled);
    return Promise.resolve({ plan: textOf(compactPlan(compiled.plan)), findings });
  });

const apart = (before: Plan, text: string, { mode }: PageCase): Promise<Outcome> =>
  refusedOr(async () => {
    const { signal } = new AbortController();
    const parts = { options: { mode }, before, standalone: mode === 'serve', marked: () => undefined, signal };
    const { compiled, findings } = await compileApart(source(text), parts);
    return { plan: textOf(compiled.plan), findings };
  });

describe('a thread', () => {
  test('says the same as this one about changed files: plan, secrets, findings, and mistakes in their order', async () => {
    const samples = PAGE_CASES.flatMap((page, number) => {
      const mutants = [...textMutants(page.text, 'core')];
      // Every second page replaces another page, so that access changes. The other pages have a slip, each in another line.
      if (number % 2 === 0) return [{ page, text: PAGE_CASES.findLast(({ mode }) => mode === page.mode)?.text ?? '' }];
      const { text } = mutants[Math.floor(((number + 0.5) / PAGE_CASES.length) * mutants.length)] as { text: string };
      return [{ page, text }];
    });
    const kinds = { plan: 0, refused: 0, changed: 0 };
    for (const { page, text } of samples) {
      const before = compileFile(source(page.text), { mode: page.mode }).plan;
      const [here, there] = [await inline(before, text, page), await apart(before, text, page)];
      expect({ text, ...there }).toEqual({ text, ...here });
      if ('refused' in here) kinds.refused += 1;
      else kinds.plan += 1;
      if ('findings' in here && here.findings.changes.length > 0) kinds.changed += 1;
    }
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(1);
  }, 300_000);

  describe('lists what a new plan changes for the record of an admin address', () => {
    const admin =
      'admin: { address: "127.0.0.1:9", auth: { type: bearer, bearer: { token: token-of-the-reader-01 } } }\n';
    const written = (timeout: string, key: string, head: string): string =>
      `${head}middleware: { auth: { api_key: { keys: [{ name: one, key: ${key} }] } } }
listeners: [{ address: "127.0.0.1:8" }]
routes: [{ id: a, path: /a/*, upstream: far, timeout: ${timeout}, auth: { api_key: true } }]
upstreams: [{ name: far, endpoints: ["127.0.0.1:7"], tls: { enabled: false } }]\n`;
    const changed = async (head: string) => {
      const [before, after] = [written('30s', KEY, head), written('5s', `${KEY}-2`, head)];
      const plan = compactPlan(compileFile(source(before), { mode: 'serve' }).plan);
      const parts = { options: { mode: 'serve' }, before: plan, standalone: true, marked: () => undefined } as const;
      const { compiled, found } = await compileApart(source(after), { ...parts, signal: new AbortController().signal });
      return { found, here: planChange(plan, compiled.plan) };
    };

    test('as this one does, without a secret', async () => {
      const { found, here } = await changed(admin);
      expect(found).toEqual(here);
      expect(found).toMatchObject({ total: 2, summary: { access: 1, timeouts: 1 } });
      expect(JSON.stringify(found)).not.toContain(KEY);
    });

    test('and nothing without an admin address', async () => {
      const { found, here } = await changed('');
      expect([found, here.total]).toEqual([undefined, 2]);
    });
  });

  test('gets the same plan from its message, for every page and many of its slips', () => {
    let plans = 0;
    for (const page of PAGE_CASES) {
      const mutants = [...textMutants(page.text, 'core')];
      for (const { text } of mutants.filter((_each, at) => at % Math.ceil(mutants.length / 25) === 0)) {
        const plan = planOf(() => compileFile(source(text), { mode: page.mode }));
        if (!plan) continue;
        const { head, pieces } = structuredClone(packPlan(plan));
        const arriving = new ArrivingPlan(head);
        for (const piece of pieces) arriving.add(piece);
        expect(textOf(arriving.plan)).toBe(textOf(plan));
        plans += 1;
      }
    }
    expect(plans).toBeGreaterThan(60);
  });
});

const planOf = (compile: () => Compiled): Plan | undefined => {
  try {
    return compile().plan;
  } catch {
    return undefined;
  }
};

const KEY = 'first-key-of-the-host';
const routes = (count: number, guard = '{ api_key: true }'): string =>
  Array.from({ length: count }, (_each, at) => `  - { id: r${at}, path: /r${at}/*, auth: ${guard} }\n`).join('');
const file = (list: string): string =>
  `middleware: { auth: { chain: [api_key], api_key: { keys: [{ name: one, key: ${KEY} }] } } }\nroutes:\n${list}`;
const MANY = 1_500;

describe('a reload of a large file', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function host(text: string): Promise<{ gate: Loom; port: number; log: ReturnType<typeof quietLog> }> {
    const log = quietLog();
    const gate = loom(source(text), { log });
    const server = createServer((req, res) => gate(req, res, () => res.end('in')));
    closing.push(
      () => closed(server),
      () => gate.close(),
    );
    return { gate, port: await listening(server), log };
  }

  test('goes to a thread, that of a small file does not, and neither does an object', () => {
    const at = join(folder, 'large.yaml');
    writeFileSync(at, file(routes(MANY)));
    expect([at, source(file(routes(MANY)))].map(isForThread)).toEqual([true, true]);
    const small = [source(file(routes(3))), { config: { routes: [] } }, join(folder, 'nowhere.yaml')];
    expect(small.map(isForThread)).toEqual([false, false, false]);
  });

  test('takes effect, with answers in the meantime', async () => {
    const { gate, port } = await host(file(routes(MANY)));
    let over = false;
    const reload = gate.reload(source(file(routes(MANY) + '  - { id: more, path: /more/*, auth: none }\n')));
    void reload.finally(() => (over = true));
    let answers = 0;
    for (; !over; answers += 1) {
      const path = `/r${answers % MANY}/x`;
      expect((await ask({ port, path, headers: { 'X-API-Key': KEY } })).status).toBe(200);
      expect((await ask({ port, path })).status).toBe(401);
    }
    await reload;
    expect(answers).toBeGreaterThan(3);
    expect((await ask({ port, path: '/more/x' })).status).toBe(200);
  });

  test('that opens a guarded path is refused, and the old file stays', async () => {
    const { gate, port } = await host(file(routes(MANY)));
    const opened = file(
      routes(MANY).replace('id: r7, path: /r7/*', 'id: r7, path: /elsewhere/*') +
        '  - { id: all, path: /*, auth: none }\n',
    );
    const refused = gate.reload(source(opened));
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(/\/r7\/\* was guarded by api_key and would be PUBLIC/);
    expect((await ask({ port, path: '/r7/x' })).status).toBe(401);
    await gate.reload();
    expect((await ask({ port, path: '/r7/x', headers: { 'X-API-Key': KEY } })).status).toBe(200);
  });

  test('with a mistake says its place, and quotes no secret', async () => {
    const { gate } = await host(file(routes(MANY)));
    const wrong = file(routes(MANY) + '  - { id: last, path: /last, auth: { api_kei: true } }\n').replace(
      KEY,
      `${KEY}, ${KEY}: 1`,
    );
    const caught = await gate.reload(source(wrong)).catch((cause: unknown) => cause);
    expect(caught).toBeInstanceOf(ConfigError);
    const { diagnostics, message } = caught as ConfigError;
    expect(diagnostics.map(({ line, code }) => [line, code])).toEqual([
      [1, 'unknown_key'],
      [MANY + 3, 'unknown_key'],
    ]);
    expect(message).not.toContain(KEY);
  });

  test('reads the variables that the host gives', async () => {
    const { gate, port } = await host(file(routes(MANY)));
    const text = file(routes(MANY)).replace(KEY, '"${KEY}"');
    await gate.reload({ text, file: 'loom.yaml', env: { KEY: 'second-key-of-the-host' } });
    const asked = { port, path: '/r1/x' };
    expect((await ask({ ...asked, headers: { 'X-API-Key': 'second-key-of-the-host' } })).status).toBe(200);
    expect((await ask({ ...asked, headers: { 'X-API-Key': KEY } })).status).toBe(401);
  });

  test('ends with the gateway, and does not take effect any more', async () => {
    const { gate } = await host(file(routes(MANY)));
    const refused = expect(gate.reload(source(file(routes(MANY + 1))))).rejects.toThrow('this Loom is closed');
    await gate.close();
    await refused;
    expect(gate.plan.routes).toHaveLength(MANY);
  });
});
