/** Plugins that make their host store things: instances, responses, log lines, calls. The storage is bounded. */
import { jest } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LIMITS } from '../../../src/wasm/abi.js';
import { VmSupervisor } from '../../../src/wasm/vm-supervisor.js';
import { PluginMetrics } from '../../../src/wasm/metrics.js';
import { loadModule } from '../../../src/wasm/module.js';
import { TurnLimiter } from '../../../src/wasm/callouts.js';
import { Queues } from '../../../src/wasm/queues.js';
import { SharedData } from '../../../src/wasm/shared-data.js';
import { closeRunners, ISOLATIONS, OPTIONS, outcome, requestOf, run } from '../../support/plugin-runner.js';
import { callback, i32, made, PAUSE, type Kit } from '../../support/wat-plugin.js';

const supervisors: VmSupervisor[] = [];
const servers: Server[] = [];
afterEach(async () => {
  supervisors.splice(0).forEach((each) => each.close());
  await closeRunners();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function supervise(
  build: (kit: Kit) => { readonly onRequest: string; readonly body?: string },
): Promise<VmSupervisor> {
  const supervisor = new VmSupervisor({
    ...loadModule(await made(build), OPTIONS.memoryLimitBytes),
    ...{ options: OPTIONS, timeoutMs: 1_000 },
    environment: {
      ...{ shared: new SharedData(), queues: new Queues(), metrics: new PluginMetrics() },
      ...{ log: () => undefined, call: () => true, running: () => undefined, queued: () => undefined },
      isOver: () => false,
    },
  });
  supervisors.push(supervisor);
  return supervisor;
}

const GROW = '(drop (memory.grow (i32.const 240)))';

test('a plugin that fills its memory and pauses, again and again, has at most two instances', async () => {
  const supervisor = await supervise((kit) => ({
    onRequest: `${GROW} ${kit.on('p', `(return ${PAUSE})`)} ${kit.respond(403)} ${PAUSE}`,
  }));
  const begun = Array.from({ length: 40 }, (_, at) => supervisor.begin(requestOf(at % 2 ? 'd' : 'p'), () => undefined));
  const alive = new Set(begun.map(({ vm }) => vm).filter((vm) => !vm.isIdle));
  expect(alive.size).toBeLessThanOrEqual(2);
});

test('twin: a plugin that fills it and decides is replaced each time', async () => {
  const supervisor = await supervise((kit) => ({ onRequest: `${GROW} ${kit.grant()}` }));
  for (let at = 0; at < 5; at += 1) supervisor.begin(requestOf(), () => undefined);
  expect(supervisor.restarts).toBe(4);
});

test('an instance that has died is not kept for its next tick', async () => {
  const supervisor = await supervise((kit) => ({
    body: callback(
      'proxy_on_configure',
      2,
      `${kit.do('proxy_set_tick_period_milliseconds', i32(86_400_000))} ${i32(1)}`,
    ),
    onRequest: 'unreachable',
  }));
  const stopped = jest.spyOn(globalThis, 'clearInterval');
  try {
    for (let at = 0; at < 10; at += 1) supervisor.begin(requestOf(), () => undefined);
    expect(stopped).toHaveBeenCalledTimes(9);
  } finally {
    stopped.mockRestore();
  }
});

describe.each(ISOLATIONS)('%s:', (isolation) => {
  const ticking = (tick: (kit: Kit) => string) => (kit: Kit) => ({
    memory: '(memory (export "memory") 20)',
    body: `${callback('proxy_on_configure', 2, `${kit.do('proxy_set_tick_period_milliseconds', i32(10))} ${i32(1)}`)}
      ${callback('proxy_on_tick', 1, tick(kit), false)}`,
    onRequest: kit.grant(),
  });

  test('log lines are also bounded in a second, however many callbacks write them', async () => {
    const line = (kit: Kit): string => kit.do('proxy_log', i32(2), i32(200_000), i32(LIMITS.logBytes));
    const bytes = await made(ticking((kit) => Array.from({ length: 50 }, () => line(kit)).join(' ')));
    const { said } = await run(bytes, { isolation });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const written = said.reduce((sum, words) => sum + words.length, 0);
    expect(written).toBeGreaterThan(LIMITS.logBytes);
    // There are two threads, and at most three windows.
    expect(written).toBeLessThan(2 * 3 * LIMITS.logRate);
    expect(said.some((words) => words.includes('too many log lines'))).toBe(true);
  });

  test('calls of the root context are limited in number', async () => {
    let received = 0;
    const server = createServer(() => void (received += 1));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bytes = await made(
      ticking((kit) => Array.from({ length: 40 }, () => `(drop ${kit.call('authz')})`).join(' ')),
    );
    const { ask } = await run(bytes, { isolation, port: (server.address() as AddressInfo).port });
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(outcome(await ask())).toBe('x-authenticated-user=alice');
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThanOrEqual((isolation === 'worker' ? 2 : 1) * LIMITS.callsOfRoot);
  });

  test('bodies of calls are bounded together', async () => {
    const lengths: number[] = [];
    const server = createServer((request) => {
      lengths.push(Number(request.headers['content-length']));
      request.resume();
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bytes = await made((kit) => {
      const head = kit.pairs([
        [':method', 'POST'],
        [':path', '/'],
        [':authority', 'authz'],
      ]);
      const call = kit.do(
        'proxy_http_call',
        kit.text('authz'),
        head,
        i32(200_000),
        i32(1_000_000),
        kit.text(''),
        i32(5_000),
        i32(48),
      );
      return { memory: '(memory (export "memory") 20)', onRequest: `${call} ${call} ${PAUSE}` };
    });
    const settings = { isolation, port: (server.address() as AddressInfo).port, timeoutMs: 5_000 };
    const { ask } = await run(bytes, settings);
    await Promise.all(Array.from({ length: 30 }, () => ask()));
    const sum = lengths.reduce((all, length) => all + length, 0);
    expect(sum).toBeGreaterThan(1_000_000);
    expect(sum).toBeLessThanOrEqual(LIMITS.callBytes);
  });
});

test('of a thousand callers at once, few run in one turn, in order, and all do', async () => {
  const limiter = new TurnLimiter(8);
  const acted: number[] = [];
  const turns: number[] = [];
  const all = Promise.all(Array.from({ length: 1_000 }, (_, at) => limiter.turn().then(() => acted.push(at))));
  for (let before = 0; acted.length < 1_000; before = acted.length) {
    await new Promise((resolve) => setImmediate(resolve));
    turns.push(acted.length - before);
  }
  await all;
  expect(Math.max(...turns)).toBeLessThanOrEqual(16);
  expect(acted).toEqual(Array.from({ length: 1_000 }, (_, at) => at));
});
