/** The process around the listeners: signals that stop it and runtimes that it refuses. */
import { inspectRuntime } from '../../src/lib/runtime.js';
import { onStopSignals } from '../../src/serve/stop-signals.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe('signals', () => {
  type Stop = (options: { readonly delay?: number }) => Promise<void>;
  const exits = async (stop: Stop, delayMs: number, ...signals: NodeJS.Signals[]): Promise<number[]> => {
    const codes: number[] = [];
    const shutdown = () => ({ delayMs, timeoutMs: 30_000 });
    const off = onStopSignals({ stop, shutdown, log: quiet, exit: (code) => codes.push(code) });
    for (const signal of signals) process.emit(signal, signal);
    await new Promise((resolve) => setImmediate(resolve));
    off();
    return codes;
  };

  test('one stops gracefully, once', async () => {
    let stops = 0;
    expect(await exits(() => Promise.resolve(void stops++), 0, 'SIGTERM')).toEqual([0]);
    expect(stops).toBe(1);
  });

  test('a second one does not wait', async () => {
    expect(await exits(() => new Promise(() => undefined), 0, 'SIGINT', 'SIGINT')).toEqual([130]);
  });

  test.each<[NodeJS.Signals[], readonly number[], readonly number[]]>([
    [['SIGTERM'], [5_000], []],
    [['SIGINT'], [0], []],
    [['SIGTERM', 'SIGTERM'], [5_000, 0], []],
    [['SIGTERM', 'SIGINT'], [5_000, 0], []],
    [['SIGTERM', 'SIGINT', 'SIGTERM'], [5_000, 0], [143]],
    [['SIGINT', 'SIGTERM'], [0], [143]],
  ])('%j with a delay in the file: delays %j, exits %j', async (signals, delays, codes) => {
    const given: (number | undefined)[] = [];
    const stop: Stop = ({ delay }) => {
      given.push(delay);
      return new Promise(() => undefined);
    };
    expect(await exits(stop, 5_000, ...signals)).toEqual(codes);
    expect(given).toEqual(delays);
  });

  test('a stop that fails is a runtime failure', async () => {
    expect(await exits(() => Promise.reject(new Error('x')), 0, 'SIGTERM')).toEqual([2]);
  });
});

describe('a stop that does not end', () => {
  const exitOf = (marginMs: number, stop: () => Promise<void>): Promise<number> =>
    new Promise((resolve) => {
      const exit = (code: number): void => {
        off();
        resolve(code);
      };
      const shutdown = () => ({ delayMs: 0, timeoutMs: 0 });
      const off = onStopSignals({ stop, shutdown, log: quiet, exit, marginMs });
      process.emit('SIGTERM', 'SIGTERM');
    });

  test('is cut short at its deadline, as a failure', async () => {
    expect(await exitOf(50, () => new Promise(() => undefined))).toBe(2);
  });

  test('twin: one that ends before has its own code', async () => {
    const stop = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));
    expect(await exitOf(60_000, stop)).toBe(0);
  });
});

describe('the runtime', () => {
  const facts = { version: 'v24.18.1', env: {}, execArgv: [] };

  test.each(['v22.23.2', 'v22.30.0', 'v24.18.1', 'v24.21.0', 'v26.5.1', 'v27.0.0', 'v30.1.0'])(
    '%s may serve',
    (version) => {
      expect(inspectRuntime({ ...facts, version })).toEqual({ errors: [], warnings: [] });
    },
  );

  test.each(['v20.20.2', 'v22.23.1', 'v23.11.0', 'v24.18.0', 'v25.9.0', 'v26.5.0'])('%s is too old', (version) => {
    expect(inspectRuntime({ ...facts, version }).errors).toHaveLength(1);
  });

  test.each([
    [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, []],
    [{ NODE_OPTIONS: '--max-old-space-size=99 --insecure-http-parser' }, []],
    [{ NODE_OPTIONS: '--insecure_http_parser' }, []],
    [{}, ['--insecure-http-parser']],
    [{ NODE_OPTIONS: '--tls-min-v1.0' }, []],
  ])('%j %j is refused', (env, execArgv) => {
    expect(inspectRuntime({ ...facts, env, execArgv }).errors).toHaveLength(1);
  });

  test('what only leaks is a warning, what is harmless is nothing', () => {
    expect(inspectRuntime({ ...facts, env: { SSLKEYLOGFILE: '/k', NODE_DEBUG: 'http' } }).warnings).toHaveLength(2);
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '1', NODE_OPTIONS: '--enable-source-maps', NODE_DEBUG: 'timer' };
    expect(inspectRuntime({ ...facts, env })).toEqual({ errors: [], warnings: [] });
  });
});
