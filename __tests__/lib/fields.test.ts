import type { z } from 'zod';
import { duration, headerName, oneOrMore, parseDuration, plainText } from '../../src/lib/fields.js';
import { isLoopback, urlProblem } from '../../src/lib/tls-url.js';

const read = (schema: z.ZodType, value: unknown): unknown => {
  const result = schema.safeParse(value);
  return result.success ? result.data : 'refused';
};

describe('a duration', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['1.5s', 1_500],
    ['0.001s', 1],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(read(duration(), text)).toBe(ms);
  });

  it.each([
    '5',
    '5min',
    '-5m',
    '1y',
    '',
    ' 5m',
    '5 m',
    '5m\n',
    '1e3s',
    '.5s',
    '1.2345s',
    '5M',
    'Infinitys',
    '1234567890s',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
    expect(read(duration(), text)).toBe('refused');
  });

  it.each([5, 0, null, true, ['5m'], undefined])('%j is none either', (value) => {
    expect(read(duration(), value)).toBe('refused');
  });

  it('lies within its bounds', () => {
    const bounded = duration({ min: 1_000, max: 60_000 });
    expect(['999ms', '1s', '60s', '60001ms'].map((text) => read(bounded, text))).toEqual([
      'refused',
      1_000,
      60_000,
      'refused',
    ]);
    expect(['0s', '366d', '367d'].map((text) => read(duration(), text) === 'refused')).toEqual([true, false, true]);
  });
});

it('takes as a header name what RFC 9110 calls a token', () => {
  for (const name of ['X-User-ID', 'x_user.id', '__proto__', 'a!#$%&*+^`|~', 'A'.repeat(128)])
    expect(read(headerName(), name)).toBe(name);
  for (const name of ['', 'X Y', 'X:Y', 'x\r\ny', 'é', 'A'.repeat(129), 7])
    expect(read(headerName(), name)).toBe('refused');
});

it('takes as plain text what has no control character and no white space at its ends', () => {
  for (const text of ['a', 'a b', 'é', '日本']) expect(read(plainText(), text)).toBe(text);
  for (const text of ['', ' a', 'a ', 'a\u00a0', 'a\nb', '\u0000', 'a\u007f', 7, null])
    expect(read(plainText(), text)).toBe('refused');
});

it('takes one value or a list of them, but never an empty one', () => {
  const names = oneOrMore(headerName());
  expect([read(names, 'a'), read(names, ['a', 'b'])]).toEqual([['a'], ['a', 'b']]);
  for (const value of [[], [''], ['a', 7], null, {}]) expect(read(names, value)).toBe('refused');
});

describe('a URL that trust travels to', () => {
  it.each([
    'https://id.example/keys',
    'http://localhost:1/x',
    'http://127.0.0.1',
    'http://127.9.9.9/',
    'http://[::1]:80/',
  ])('%s may be asked', (url) => {
    expect(urlProblem(url, false)).toBeUndefined();
  });

  it.each([
    ...[
      'http://id.example',
      'http://localhost.evil.com',
      'http://127.0.0.1.evil.com',
      'http://[::2]/',
      'http://10.0.0.1',
    ],
  ])('%s may be asked only where the file says so', (url) => {
    expect(urlProblem(url, false)).toContain('must be https');
    expect(urlProblem(url, true)).toBeUndefined();
  });

  it.each([
    ['ftp://id.example', 'absolute https URL'],
    ['file:///etc/passwd', 'absolute https URL'],
    ['/keys', 'absolute https URL'],
    ['', 'absolute https URL'],
    ['https://user@id.example', 'user or password'],
    ['https://:secret@id.example', 'user or password'],
    ['https://id.example/#', 'fragment'],
  ])('%s may never be asked', (url, why) => {
    expect(urlProblem(url, true)).toContain(why);
    expect(urlProblem(url, true)).not.toContain('secret');
  });

  it('is judged as this machine by its spelling alone', () => {
    expect(isLoopback(new URL('http://2130706433/'))).toBe(true);
    expect(isLoopback(new URL('http://LOCALHOST/'))).toBe(true);
    expect(isLoopback(new URL('http://localhost./'))).toBe(false);
  });
});
