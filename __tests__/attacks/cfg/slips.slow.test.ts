/**
 * One editing mistake in a file never opens a guarded path: the old and the new routes get requests without a
 * credential.
 */
import { createServer, type Server } from 'node:http';
import { compose } from '../../../src/runtime/compose.js';
import { ConfigError } from '../../../src/config/diagnostics.js';
import { compileFile } from '../../../src/config/index.js';
import type { ConfigSource } from '../../../src/config/source.js';
import type { Loom } from '../../../src/runtime/middleware.js';
import { ask } from '../../support/ask.js';
import { fuzzing } from '../../support/fast-check-runs.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import { FILES, slipsOf, type Slip } from './slip-files.js';

/** One in so many of a file's mistakes. All of them in a fuzz run. */
const SAMPLE = fuzzing ? 1 : 29;

interface Question {
  readonly path: string;
  readonly host: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Requests for every route of the original file: with and without the conditions, on every kind of host. */
function questionsOf(text: string): readonly Question[] {
  const written = [...text.matchAll(/\bpath: (\S+)/g)].map(([, path = '']) => path);
  const below = (path: string): string => path.replace(/:\w+/g, 'some');
  const paths = written.flatMap((path) =>
    path.endsWith('*') ? [`${below(path).slice(0, -1)}some`, `${below(path).slice(0, -1)}a/b`] : [below(path)],
  );
  const all = ['gw.test', 'admin.test', 'www.corp.test', 'a.corp.test'];
  const hosts = text.includes('host: ') ? all : all.slice(0, 1);
  const methods = text.includes('methods: [GET') ? ['GET', 'POST', 'DELETE'] : ['GET'];
  const headers: readonly Question['headers'][] = text.includes('headers:') ? [{}, { 'X-Beta': '1' }] : [{}];
  const questions = [...new Set(paths)].flatMap((path) => hosts.map((host) => ({ path, host })));
  return questions.flatMap((each) =>
    methods.flatMap((method) => headers.map((sent) => ({ ...each, method, headers: sent }))),
  );
}

const MODES = ['middleware', 'serve'] as const;

let upstream: Server;
let backend = 0;
beforeAll(async () => {
  upstream = createServer((_req, res) => res.end('in'));
  backend = await listening(upstream);
});
afterAll(() => closed(upstream));

/** The file as a gateway serves it: its routes have an upstream. */
function asServed(text: string): string {
  const routed = text.replace(/^( {2}- )(host|path):/gm, '$1upstream: backend\n    $2:');
  return `listeners: [{ address: "127.0.0.1:8080" }]\nupstreams: [{ name: backend, endpoints: ["127.0.0.1:${backend}"] }]\n${routed}`;
}

function gateOf(text: string, mode: (typeof MODES)[number]): Loom {
  const source = { text, file: 'loom.yaml' };
  const compile = (given: ConfigSource) => compileFile(given, { mode });
  const shared = { strategies: {}, log: quietLog(), now: Date.now, standalone: mode === 'serve' };
  return compose(source, compile(source).plan, { shared, compiler: { compile, options: { mode } } });
}

/** The backend may change. The port stays. */
class Desk {
  gate: Loom | undefined;
  readonly #server = createServer((req, res) => this.gate?.(req, res, () => res.end('in')));
  #port = 0;

  async open(): Promise<void> {
    this.#port = await listening(this.#server);
  }

  close(): Promise<void> {
    return closed(this.#server);
  }

  async answers(questions: readonly Question[]): Promise<readonly number[]> {
    const all: number[] = [];
    for (const { path, host, method, headers } of questions) {
      all.push((await ask({ port: this.#port, path, method, headers: { ...headers, Host: host } })).status);
    }
    return all;
  }
}

interface Outcome {
  readonly kind: 'no file' | 'refused' | 'taken';
  readonly opened: readonly string[];
}

const isGuarded = (status: number): boolean => status === 401;
const passes = (status: number): boolean => status === 200;

describe.each(MODES)('one mistake under %s', (mode) => {
  const desk = new Desk();
  beforeAll(() => desk.open());
  afterAll(() => desk.close());

  async function outcomeOf(before: string, { text }: Slip, old: readonly number[]): Promise<Outcome> {
    const gate = gateOf(before, mode);
    try {
      await gate.reload({ text, file: 'loom.yaml' });
    } catch (cause) {
      await gate.close();
      if (!(cause instanceof ConfigError)) throw cause;
      return {
        kind: cause.diagnostics.some(({ code }) => code === 'reload_opens') ? 'refused' : 'no file',
        opened: [],
      };
    }
    desk.gate = gate;
    const questions = questionsOf(before);
    const now = await desk.answers(questions);
    await gate.close();
    const opened = questions.filter((_each, at) => isGuarded(old[at] ?? 0) && passes(now[at] ?? 0));
    return { kind: 'taken', opened: opened.map((each) => JSON.stringify(each)) };
  }

  test.each(Object.entries(FILES))('opens nothing in a file with %s', async (name, written) => {
    const before = mode === 'serve' ? asServed(written) : written;
    desk.gate = gateOf(before, mode);
    const old = await desk.answers(questionsOf(before));
    await desk.gate.close();
    // The original file has guarded paths and open ones.
    expect([old.some(isGuarded), old.some(passes)]).toEqual([true, true]);
    const count = { 'no file': 0, refused: 0, taken: 0 };
    const holes: string[] = [];
    const slips = [...slipsOf(before)];
    for (const [at, slip] of slips.entries()) {
      if (at % SAMPLE > 0) continue;
      const { kind, opened } = await outcomeOf(before, slip, old);
      count[kind] += 1;
      if (opened.length > 0) holes.push(`${slip.what}: ${opened.join(' ')}`);
    }
    process.stdout.write(`slips under ${mode}, ${name}: ${JSON.stringify(count)}\n`);
    expect(holes).toEqual([]);
    // Twin: a change that opens nothing is accepted.
    expect(count.taken).toBeGreaterThan(0);
  });
});
