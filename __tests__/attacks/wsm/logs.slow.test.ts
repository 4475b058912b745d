/** Log text of plugins: bounded, escaped, and never a log line of its own. */
import type { Ground } from '../../support/attack-ground.js';
import { i32, type Kit } from '../../support/wat-plugin.js';
import { closePlugins, expectGranted, ISOLATIONS, openPlugins } from './plugin-ground.js';

const ANSI = '\u001b[31mred\u001b[0m\r\n{"level":60,"msg":"forged"}\u0000';
const says = (kit: Kit) => ({
  imports: '(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))',
  memory: '(memory (export "memory") 200)',
  onRequest: `(local $n i32)
    ${kit.on(
      'a',
      `(loop $l ${kit.log('a line of many')} (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $n) (i32.const 100000))))`,
    )}
    ${kit.on('b', kit.log(ANSI))}
    ${['97', '10']
      .map((byte) =>
        kit.on(
          byte === '97' ? 'c' : 'd',
          `
      (memory.fill (i32.const 200000) (i32.const ${byte}) (i32.const 12000000)) (i32.store8 (i32.const 12199999) (i32.const 10))
      (i32.store (i32.const 48) (i32.const 200000)) (i32.store (i32.const 52) (i32.const 12000000))
      (drop (call $write (i32.const 1) (i32.const 48) (i32.const 1) (i32.const 56)))`,
        ),
      )
      .join('')}
    ${kit.on(
      'e',
      `(memory.fill (i32.const 200000) (i32.const 98) (i32.const 12000000))
      ${kit.do('proxy_log', i32(2), i32(200_000), i32(12_000_000))}`,
    )}
    ${kit.on('f', kit.log('as it stands'))}
    ${kit.grant()}`,
});

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins({ says: { build: says, options: 'timeout: 10s' } });
});
afterAll(closePlugins);

describe.each(ISOLATIONS)('%s', (_where, suffix) => {
  describe('WSM-10 a plugin that logs', () => {
    const said = async (letter: string): Promise<string> => {
      const before = ground.output().length;
      await expectGranted(ground, 'alice', `/says${suffix}/x`, `X-Do: ${letter}`);
      // Log text of the thread arrives before the response of a later request.
      await expectGranted(ground, 'alice', `/says${suffix}/x`);
      return ground.output().slice(before);
    };

    test('a hundred thousand lines: a hundred are written, and a notice about the rest', async () => {
      const output = await said('a');
      expect(output.match(/a line of many/g)).toHaveLength(100);
      expect(output.match(/too many log lines/g)).toHaveLength(1);
    });

    test('terminal codes and line breaks: all of it is escaped in one field', async () => {
      const lines = (await said('b')).split('\n').filter((line) => line.includes('forged'));
      expect(lines).toHaveLength(1);
      expect(lines[0]).not.toContain('\u001b');
      expect(lines[0]).not.toContain('\u0000');
      expect((JSON.parse(lines[0] as string) as { said: string }).said).toBe(ANSI);
    });

    test.each([
      ['a line of 12 MB', 'c'],
      ['12 MB of line ends', 'd'],
      ['a text of 12 MB', 'e'],
    ])('%s: at most a bounded part of it', async (_what, letter) => {
      expect((await said(letter)).length).toBeLessThan(30_000);
    });

    test('twin: a line is written unchanged', async () => {
      expect(await said('-')).toBe('');
      expect((JSON.parse(await said('f')) as { said: string }).said).toBe('as it stands');
    });
  });
});
