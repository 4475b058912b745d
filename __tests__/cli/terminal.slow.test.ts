import { PassThrough } from 'node:stream';
import { paintFor, printable } from '../../src/cli/terminal.js';

const screen = (isTTY: boolean) => Object.assign(new PassThrough(), { isTTY });

test('colours a terminal, and nothing else', () => {
  expect(paintFor(screen(true), {})('red', 'PUBLIC')).toBe('\u001b[31mPUBLIC\u001b[39m');
  expect(paintFor(screen(false), {})('red', 'PUBLIC')).toBe('PUBLIC');
});

test('NO_COLOR and a dumb terminal turn colours off; an empty NO_COLOR does not', () => {
  expect(paintFor(screen(true), { NO_COLOR: '1' })('red', 'x')).toBe('x');
  expect(paintFor(screen(true), { TERM: 'dumb' })('red', 'x')).toBe('x');
  expect(paintFor(screen(true), { NO_COLOR: '' })('red', 'x')).not.toBe('x');
});

test('a name from a file cannot steer the terminal', () => {
  expect(printable('a\u001b[2Jb\u009bc\nd')).toBe('a\ufffd[2Jb\ufffdc\nd');
});
