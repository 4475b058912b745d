/** A changed file at work: the same requests, sent for real and without a credential. */
import { createServer } from 'node:http';
import { compileFile } from '../../../src/config/index.js';
import type { ConfigSource } from '../../../src/config/source.js';
import { compose } from '../../../src/runtime/compose.js';
import { loom, type Loom } from '../../../src/loom.js';
import { ask } from '../../support/ask.js';
import { quietLog } from '../../support/quiet-log.js';
import { closed, listening } from '../../support/recording-upstream.js';
import type { Judged, PageCase } from './page-access.js';
import type { Mutant } from './text-mutants.js';

const PASSED_ON = 418;

/** The answers that each outcome may have; an admitted request may find no upstream. */
const ANSWERS = {
  refused: [],
  closed: [401],
  'another method': [401],
  'no route': [404],
  // In another case or spelling it is 404 there, too: such a path could reach the guarded one.
  'passes by': [PASSED_ON, 404],
  public: [PASSED_ON, 502, 503],
  'on purpose': [PASSED_ON, 502, 503],
} as const satisfies Readonly<Record<Judged['outcome'], readonly number[]>>;

export async function expectAtWork(sample: {
  readonly page: PageCase;
  readonly mutant: Mutant;
  readonly judged: Judged;
}): Promise<void> {
  const { page, mutant, judged } = sample;
  const gate = gateOf(page, mutant.text);
  const server = createServer((req, res) => gate(req, res, () => res.writeHead(PASSED_ON).end()));
  const port = await listening(server);
  try {
    for (const [i, path] of Object.keys(page.guarded).entries()) {
      const { status } = await ask({ port, path });
      const expected: readonly number[] = ANSWERS[judged.each[i] as Judged['outcome']];
      const place = `${page.name} ${page.mode}, ${mutant.place}: ${mutant.slip}: ${path}`;
      expect([place, status, expected.includes(status)]).toEqual([place, status, true]);
    }
  } finally {
    await closed(server, []);
    await gate.close();
  }
}

/** No server listens at the page's addresses here. */
function gateOf({ mode }: PageCase, page: string): Loom {
  const log = quietLog();
  const text = page
    .replace(/https:\/\/[\w.-]+\.com(?![\w.:-])/g, 'https://127.0.0.1:9')
    .replaceAll('api.internal:8080', '127.0.0.1:9');
  const source = { text, file: 'loom.yaml' };
  if (mode === 'middleware') return loom(source, { log });
  const compile = (given: ConfigSource) => compileFile(given, { mode });
  const shared = { strategies: {}, log, now: Date.now, standalone: true };
  return compose(source, compile(source).plan, { shared, compiler: { compile, options: { mode } } });
}
