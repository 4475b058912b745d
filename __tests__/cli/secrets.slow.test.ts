import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { compare } from 'bcryptjs';
import { hashKey } from '../../src/cli/hash-key.js';
import { costIn, hashPassword } from '../../src/cli/hash-password.js';
import { newKey } from '../../src/cli/new-key.js';
import type { Terminal } from '../../src/cli/terminal.js';

class Keyboard extends PassThrough {
  raw: boolean[] = [];
  isTTY: boolean;
  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }
  setRawMode(raw: boolean): void {
    this.raw.push(raw);
  }
}

function terminal(isTTY: boolean) {
  const stdin = new Keyboard(isTTY);
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const use: Terminal = { stdin, stdout, stderr, env: {} };
  const text = (stream: PassThrough) => String(stream.read() ?? '');
  return { use, stdin, printed: () => text(stdout), asked: () => text(stderr) };
}

function piped(input: string | Buffer) {
  const made = terminal(false);
  made.stdin.end(input);
  return made;
}

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}\n`;

describe('hash-password', () => {
  test('prints a bcrypt hash of what was piped, without its newline, and nothing else', async () => {
    const { use, printed } = piped('correct horse\n');
    expect(await hashPassword(use)).toBe(0);
    const output = printed();
    expect(output).toMatch(/^\$2b\$10\$[./A-Za-z0-9]{53}\n$/);
    expect(await compare('correct horse', output.trim())).toBe(true);
    expect(await compare('correct horse\n', output.trim())).toBe(false);
  });

  test.each([13, 14])('warns of a cost of %i on standard error alone', async (cost) => {
    const { use, printed, asked } = piped('correct horse');
    expect(await hashPassword(use, cost)).toBe(0);
    expect(printed()).toMatch(new RegExp(`^\\$2b\\$${cost}\\$[./A-Za-z0-9]{53}\n$`));
    expect(asked()).toBe(
      `warning bcrypt cost ${cost} is high: each wrong password keeps a worker busy for long; use at most 12\n`,
    );
  });

  test('says nothing of a cost of 11, and takes none that a file refuses or warns of as low', async () => {
    const { use, asked } = piped('correct horse');
    expect(await hashPassword(use, costIn('11'))).toBe(0);
    expect(asked()).toBe('');
    for (const text of ['9', '09', '15', '1e1', '', '-11', '11.5', '0x0b', 'twelve']) {
      expect(() => costIn(text)).toThrow('must be a number from 10 to 14');
    }
  });

  test('keeps spaces, and drops one newline only', async () => {
    const spaces = piped(' a b \r\n');
    await hashPassword(spaces.use);
    expect(await compare(' a b ', spaces.printed().trim())).toBe(true);
    await expect(hashPassword(piped('two\n\n').use)).rejects.toThrow('control characters');
  });

  test('takes 72 bytes and refuses 73, which bcrypt would cut', async () => {
    expect(await hashPassword(piped('é'.repeat(36)).use)).toBe(0);
    await expect(hashPassword(piped(`${'é'.repeat(36)}a`).use)).rejects.toThrow('72 bytes');
  });

  test('refuses nothing, bytes that are no UTF-8, and floods', async () => {
    await expect(hashPassword(piped('').use)).rejects.toThrow('standard input is empty');
    await expect(hashPassword(piped('\n').use)).rejects.toThrow('standard input is empty');
    await expect(hashPassword(piped(Buffer.from([0x61, 0xff])).use)).rejects.toThrow('UTF-8');
    await expect(hashPassword(piped('x'.repeat(5_000)).use)).rejects.toThrow('longer than');
  });

  test('asks twice on a terminal, with the echo off, and restores it', async () => {
    const { use, stdin, printed, asked } = terminal(true);
    stdin.write('hunteq\u007f2\rhunte2\r');
    await hashPassword(use);
    expect(await compare('hunte2', printed().trim())).toBe(true);
    expect(asked()).toBe('Password: \nPassword again: \n');
    expect(stdin.raw).toEqual([true, false]);
  });

  test('refuses two that differ, and gives up at Ctrl-C, with the echo back on', async () => {
    const differing = terminal(true);
    differing.stdin.write('one\rtwo\r');
    await expect(hashPassword(differing.use)).rejects.toThrow('differ');
    const interrupted = terminal(true);
    interrupted.stdin.write('on\u0003');
    await expect(hashPassword(interrupted.use)).rejects.toThrow('cancelled');
    expect(interrupted.stdin.raw).toEqual([true, false]);
    expect(interrupted.printed()).toBe('');
  });
});

describe('hash-key', () => {
  test('prints the SHA-256 that `key_hash` wants', async () => {
    const { use, printed } = piped('sk_live_1\n');
    expect(await hashKey(use)).toBe(0);
    expect(printed()).toBe(sha256('sk_live_1'));
  });

  test('asks once on a terminal', async () => {
    const { use, stdin, printed, asked } = terminal(true);
    stdin.write('sk_live_1\r');
    await hashKey(use);
    expect(printed()).toBe(sha256('sk_live_1'));
    expect(asked()).toBe('API key: \n');
  });

  test.each(['a b', ' a', 'a,b', 'schlüssel', 'x'.repeat(513)])(
    'refuses %j, which no header could carry',
    async (key) => {
      await expect(hashKey(piped(key).use)).rejects.toThrow('visible ASCII');
    },
  );
});

test('new-key prints a new key each time, and the hash of that key', () => {
  const { use, printed } = terminal(false);
  expect(newKey(use)).toBe(0);
  const [, key = '', hash = ''] =
    /^key: +(sk_[A-Za-z0-9_-]{43})\nkey_hash: "(sha256:[0-9a-f]{64})"\n$/.exec(printed()) ?? [];
  expect(`${hash}\n`).toBe(sha256(key));
  newKey(use);
  expect(printed()).not.toContain(key);
});
