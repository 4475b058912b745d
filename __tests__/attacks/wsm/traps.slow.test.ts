/** Traps of a plugin: each is a 503 that never reaches the upstream, and the next request is decided. */
import { get, request, type Ground } from '../../support/attack-ground.js';
import { statusOf } from '../../support/ask.js';
import { callback, i32, type Kit } from '../../support/wat-plugin.js';
import { closePlugins, expectGranted, expectRefused, ISOLATIONS, openPlugins } from './plugin-ground.js';

/** By the letter that requests it. */
const TRAPS: Readonly<Record<string, readonly [string, (kit: Kit) => string]>> = {
  a: ['unreachable', () => 'unreachable'],
  b: ['a division by zero', () => '(drop (i32.div_u (i32.const 1) (global.get $zero)))'],
  c: ['a read out of bounds', () => '(drop (i32.load (i32.const -8)))'],
  d: ['a write out of bounds', () => '(i32.store (i32.const -8) (i32.const 1))'],
  e: ['a stack that overflows', () => '(call $deep)'],
  f: ['memory for 4 GiB', () => '(if (i32.eq (memory.grow (i32.const 65000)) (i32.const -1)) (then unreachable))'],
  g: ['a table that grows', () => '(call $tables)'],
  h: ['abort()', () => '(call $abort)'],
  i: ['exit(0)', () => '(call $exit (i32.const 0))'],
  j: ['a call of a null function', () => '(call_indirect (i32.const 0))'],
  k: [
    'a host call with a table of invalid pointers',
    () => '(drop (call $write (i32.const 1) (i32.const -4) (i32.const 9) (i32.const 0)))',
  ],
  l: ['a call of the host from its allocator', (kit) => `(global.set $evil (i32.const 1)) ${kit.header(':path')}`],
  m: [
    'a header that is granted, and then a trap',
    (kit) => `${kit.set('X-Authenticated-User', 'mallory')} unreachable`,
  ],
  n: ['a stack that overflows in the host', () => '(call $host)'],
};

/** Definitions that all of them use. */
const common = (kit: Kit) => ({
  imports: `
    (import "env" "abort" (func $abort))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))`,
  allocator: `
    (global $zero (mut i32) (i32.const 0))
    (global $evil (mut i32) (i32.const 0))
    (table $f 1 funcref)
    (table $t 1 externref)
    (func $deep (call $deep))
    (func $host (drop (call $proxy_continue_stream (i32.const 0))) (call $host))
    (func $tables (if (i32.eq (table.grow $t (ref.null extern) (i32.const 9000000)) (i32.const -1)) (then unreachable)))
    (func (export "malloc") (param i32) (result i32)
      (if (global.get $evil) (then ${kit.do('proxy_continue_stream', i32(0))}))
      (i32.const 65536))`,
});

const acts = (kit: Kit): string =>
  Object.entries(TRAPS)
    .map(([letter, [, act]]) => kit.on(letter, act(kit)))
    .join('\n');

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins({
    headers: { build: (kit) => ({ ...common(kit), onRequest: `${acts(kit)} ${kit.grant()}` }) },
    body: {
      build: (kit) => ({
        ...common(kit),
        body: callback('proxy_on_request_body', 3, `${acts(kit)} ${i32(0)}`),
        onRequest: kit.grant(),
      }),
      options: 'phase: on_request_body, timeout: 1s, pause_timeout: 1500ms',
    },
  });
});
afterAll(closePlugins);

const table = Object.entries(TRAPS).map(([letter, [what]]) => [what, letter] as const);

describe.each(ISOLATIONS)('%s', (_where, suffix) => {
  describe('WSM-01 a plugin that traps', () => {
    test.each(table)('by %s', async (_what, letter) => {
      await expectRefused(ground, 503, `/headers${suffix}/x`, `X-Do: ${letter}`);
      await expectGranted(ground, 'alice', `/headers${suffix}/x`);
    });

    const posted = async (letter: string) => {
      const lines = ['Content-Length: 2', `X-Do: ${letter}`];
      const status = statusOf(await ground.send(request('POST', `/body${suffix}/x`, lines, 'hi')));
      return { status, bodies: ground.arrived().map(({ body }) => body) };
    };

    test.each(table)('in on_request_body, by %s', async (_what, letter) => {
      expect(await posted(letter)).toEqual({ status: 503, bodies: [] });
    });

    test('twin: without a trap the same plugin decides a hundred requests', async () => {
      expect(await posted('-')).toEqual({ status: 200, bodies: ['hi'] });
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, at) =>
          ground.send(get(`/headers${suffix}/${at}`, `X-Do: ${at % 2 === 0 ? 'a' : '-'}`)),
        ),
      );
      const expected = Array.from({ length: 100 }, (_, at) => (at % 2 === 0 ? 503 : 200));
      expect(answers.map(statusOf)).toEqual(expected);
      expect(ground.arrived()).toHaveLength(50);
    });
  });
});
