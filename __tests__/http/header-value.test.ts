import fc from 'fast-check';
import { createServer, get } from 'node:http';
import { headerValue, MAX_VALUE } from '../../src/http/header-value.js';
import { closed, listening } from '../support/recording-upstream.js';
import { cases } from '../support/fast-check-runs.js';

const textOf = (claim: unknown) => {
  const value = headerValue(claim);
  return value.kind === 'value' ? value.text : value.why;
};

/** Texts as claims hold them: plain, of all scripts, and dense in what is encoded. */
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(' ', '%', '2', '0', 'C', '3', 'é', 'e', '\u0301', '日', '😀', '+', ',') }),
);

it.each([
  ['alice', 'alice'],
  ['a+b@example.com', 'a+b@example.com'],
  ['Ann  Lee', 'Ann  Lee'],
  ['100%', '100%25'],
  ['%C3%A9', '%25C3%25A9'],
  [' a ', '%20a%20'],
  ['   ', '%20%20%20'],
  ['Zoë', 'Zo%C3%AB'],
  ['日本', '%E6%97%A5%E6%9C%AC'],
  ['😀', '%F0%9F%98%80'],
  ['\u0085\u00a0', '%C2%85%C2%A0'],
  ['Doe, Jane', 'Doe, Jane'],
  [0, '0'],
  [-0, '0'],
  [1.5, '1.5'],
  [true, 'true'],
  [false, 'false'],
  [['a', 'b c', 7, true], 'a,b c,7,true'],
  [['Zoë'], 'Zo%C3%AB'],
])('writes %j as %j', (claim, text) => {
  expect(headerValue(claim)).toEqual({ kind: 'value', text });
});

it.each([
  [undefined, 'missing'],
  [null, 'missing'],
  ['', 'empty'],
  [[], 'empty'],
  [[''], 'empty'],
  [{ a: 1 }, 'type'],
  [[['a']], 'type'],
  [['a', null], 'type'],
  [[{}], 'type'],
  [NaN, 'type'],
  [Infinity, 'type'],
  [1e21, 'type'],
  [2 ** 53, 'type'],
  [10n, 'type'],
  [() => 1, 'type'],
  ['a\r\nX-Admin: 1', 'control'],
  ['a\tb', 'control'],
  ['\u0000', 'control'],
  ['\u007f', 'control'],
  ['\ud800', 'control'],
  ['a\udc00b', 'control'],
  [['a', 'b\nc'], 'control'],
  [['a,admin'], 'separator'],
  ['x'.repeat(1_000_000), 'too_long'],
  [Array.from({ length: 100_000 }, () => 'group'), 'too_long'],
])('leaves out %j', (claim, why) => {
  expect(headerValue(claim)).toEqual({ kind: 'omitted', why });
});

it('counts the limit in the bytes that are sent', () => {
  expect(textOf('x'.repeat(MAX_VALUE))).toHaveLength(MAX_VALUE);
  expect(textOf('x'.repeat(MAX_VALUE + 1))).toBe('too_long');
  expect(textOf('é'.repeat(682))).toHaveLength(4_092);
  expect(textOf('é'.repeat(683))).toBe('too_long');
  expect(textOf(['x'.repeat(2_047), 'x'.repeat(2_048)])).toHaveLength(MAX_VALUE);
  expect(textOf(['x'.repeat(2_048), 'x'.repeat(2_048)])).toBe('too_long');
});

it('is one-to-one: the header decodes to exactly the original text', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const value = headerValue(text);
      if (value.kind === 'value') expect(decodeURIComponent(value.text)).toBe(text);
      else expect(['empty', 'control', 'too_long']).toContain(value.why);
    }),
    cases(2_000, { cost: 3 }),
  );
});

it('is one-to-one for lists as well', () => {
  fc.assert(
    fc.property(fc.array(anyText, { minLength: 1, maxLength: 5 }), (list) => {
      const value = headerValue(list);
      if (value.kind === 'value') expect(value.text.split(',').map(decodeURIComponent)).toEqual(list);
    }),
    cases(1_000, { cost: 3 }),
  );
});

it('says of every value of any type either nothing or visible ASCII, spaces only inside', () => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.anything({ withBigInt: true, withSparseArray: true })), (claim) => {
      const value = headerValue(claim);
      if (value.kind === 'value') expect(value.text).toMatch(/^[!-~]([ -~]*[!-~])?$/);
    }),
    cases(2_000, { cost: 3 }),
  );
});

it('arrives at an HTTP server as it was written', async () => {
  const server = createServer((req, res) => res.end(req.headers['x-name']));
  const port = await listening(server);
  try {
    for (const claim of [' 日本 ', 'é', '100%', 'a  b', ['x', 'ÿ']]) {
      const arrived = await new Promise<string>((resolve, reject) => {
        const headers = { 'X-Name': textOf(claim) };
        get({ port, host: '127.0.0.1', headers }, (res) => {
          let body = '';
          res.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
          res.on('end', () => resolve(body));
        }).on('error', reject);
      });
      expect(arrived).toBe(textOf(claim));
    }
  } finally {
    server.closeAllConnections();
    await closed(server);
  }
});
