/** The decisions of all workers of `serve --workers`, whichever of them answers the page. */
import type { DecisionRecord } from '../../src/observe/decision-record.js';
import { start, write } from '../cli/command.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import type { Background } from '../support/process.js';
import { until } from '../support/until.js';

const started: Background[] = [];
afterEach(() => Promise.all(started.splice(0).map((each) => each.stop('SIGKILL'))));

async function gateway(count: number) {
  const [port = 0, admin = 0] = await freePorts(2);
  const file = write(
    `${port}.yaml`,
    `
admin: { address: "127.0.0.1:${admin}" }
listeners: [{ name: main, address: "127.0.0.1:${port}", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: sk_of_the_workers_01, name: app }] } } }
routes: [{ id: keys, path: /keys/*, upstream: backend, auth: { api_key: true } }]
upstreams: [{ name: backend, endpoints: ["127.0.0.1:1"] }]`,
  );
  const primary = start(['serve', '--workers', String(count), file]);
  started.push(primary);
  const pids = (): number[] =>
    [...primary.output.matchAll(/"pid":(\d+),"msg":"a worker serves"/g)].map(([, pid]) => Number(pid));
  await until(
    () => pids().length === count,
    () => primary.output,
  );
  const send = (path: string) => ask({ port, path });
  const page = (path: string) => ask({ port: admin, path });
  return { admin, pids, send, page };
}

interface Listed {
  readonly decisions: readonly DecisionRecord[];
  readonly missing: readonly string[];
}
const listed = (body: string): Listed => JSON.parse(body) as Listed;
const times = <T>(count: number, act: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => act(at)));

test('each worker answers with the decisions of all, and finds a denial of another worker by its instance', async () => {
  const { send, page } = await gateway(3);
  const refused = await times(30, (at) => send(`/keys/${at}`));
  for (const { body } of await times(6, () => page('/decisions?kind=denied'))) {
    const { decisions, missing } = listed(body);
    expect(decisions).toHaveLength(30);
    expect(missing).toEqual([]);
    expect(new Set(decisions.map(({ worker }) => worker))).toEqual(new Set([1, 2, 3]));
  }
  for (const { body } of refused.slice(0, 6)) {
    const { instance } = JSON.parse(body) as { instance: string };
    expect(listed((await page(`/decisions/${instance}`)).body).decisions).toMatchObject([{ instance }]);
  }
});

test('the stream has the decisions of all workers, and a worker that starts later joins it', async () => {
  const { admin, pids, send } = await gateway(2);
  const controller = new AbortController();
  const texts = ['', '', '', ''];
  // Some of the streams are of each worker.
  for (const at of texts.keys()) {
    const { body } = await fetch(`http://127.0.0.1:${admin}/decisions/stream`, { signal: controller.signal });
    const sink = new WritableStream<string>({ write: (piece) => void (texts[at] += piece) });
    void body
      ?.pipeThrough(new TextDecoderStream())
      .pipeTo(sink)
      .catch(() => undefined);
  }
  const workersIn = (text: string): string =>
    [...new Set([...text.matchAll(/"worker":(\d)/g)].map(([, each]) => each))].sort().join();
  const sendSome = () => times(4, () => send('/keys/a').catch(() => undefined));
  const sendUntil = async (done: () => boolean): Promise<void> => {
    while (!done()) await sendSome();
  };
  await sendUntil(() => texts.every((text) => workersIn(text) === '1,2'));
  process.kill(pids()[1] ?? 0, 'SIGKILL');
  await until(() => pids().length === 3);
  await sendUntil(() => texts.some((text) => workersIn(text) === '1,2,3'));
  controller.abort();
});

test('a worker that does not answer is named, and the others are shown', async () => {
  const { pids, send, page } = await gateway(3);
  await times(12, (at) => send(`/keys/${at}`));
  const stopped = pids()[2] ?? 0;
  process.kill(stopped, 'SIGSTOP');
  try {
    // The stopped worker takes its turn of the connections, and answers none.
    const pages = Array.from({ length: 3 }, () => page('/decisions'));
    const { decisions, missing } = listed((await Promise.any(pages)).body);
    expect(missing).toHaveLength(1);
    expect(missing[0]).toMatch(/^worker [123]$/);
    expect(decisions.length).toBeGreaterThan(0);
    expect(decisions.length).toBeLessThan(12);
  } finally {
    process.kill(stopped, 'SIGCONT');
  }
});
