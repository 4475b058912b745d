/** Generated exchanges for the comparison of engines: what a client sends, what an upstream answers, and who breaks off. */
import fc from 'fast-check';
import type { ClientMoves } from './raw-exchange.js';
import type { Script } from './scripted-upstream.js';

export interface GeneratedExchange {
  readonly method: string;
  readonly moves: Pick<ClientMoves, 'pieces' | 'after' | 'deafMs' | 'leavesInside'>;
  /** The client leaves before the request is whole: after the head, or in the middle of it. */
  readonly cut?: 'head' | 'body';
  readonly script: Script;
}

const TOKEN = 'abcdefghijklmnopqrstuvwxyz-_.!#$%&*+^`|~0123456789';
/** Names that no layer of HTTP reads. */
const name = fc
  .string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 12 })
  .map((text) => `X-${text}`)
  .filter((text) => !/^x-forwarded/i.test(text));
const VALUE = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter((char) =>
  /[\t\x20-\x7e\x80-\xff]/.test(char),
);
const value = fc
  .string({ unit: fc.constantFrom(...VALUE), maxLength: 24 })
  .map((text) => text.trim().replace(/^[\t\x20\x85\xa0]+|[\t\x20\x85\xa0]+$/g, ''));
const common = fc.constantFrom(
  'Accept: */*',
  'Accept: text/html',
  'Cookie: a=1',
  'Cookie: b=2',
  'Content-Type: text/plain',
  'User-Agent: tester',
  'Via: 1.1 other',
  'TE: trailers',
  'Authorization: Bearer x.y.z',
  'If-None-Match: "1"',
  'Range: bytes=0-1',
);
const field = fc.oneof(
  common,
  fc.tuple(name, value).map(([key, text]) => `${key}: ${text}`),
);
const fields = fc.array(field, { maxLength: 8 }).map((lines) => [...lines, ...lines.slice(0, 1)]);
const huge = fc.constantFrom(100, 3_000, 9_000).map((length) => `X-Huge: ${'h'.repeat(length)}`);

const target = fc
  .string({ unit: fc.constantFrom(...'abcXYZ019/-._~!$&\'()*+,;=:@%25?[]{}|^`"\\<>'), maxLength: 24 })
  .map((text) => `/t${text}`);
const bytes = fc.string({
  unit: fc.constantFrom('a', '\r', '\n', '\0', '\xff', '0', 'GET / HTTP/1.1\r\n\r\n'),
  maxLength: 40,
});
const payload = fc.oneof(
  { weight: 8, arbitrary: bytes },
  { weight: 1, arbitrary: fc.constantFrom(16_384, 70_000, 300_000).map((length) => 'b'.repeat(length)) },
);

const chunked = (parts: readonly string[], trailers: readonly string[]): string =>
  [...parts.filter((part) => part !== '').map((part) => `${part.length.toString(16)}\r\n${part}\r\n`), '0\r\n'].join(
    '',
  ) + `${trailers.map((line) => `${line}\r\n`).join('')}\r\n`;
const trailers = fc.array(fc.constantFrom('X-Trailer: 1', 'Digest: x'), { maxLength: 2 });

interface Body {
  readonly lines: readonly string[];
  readonly text: string;
  readonly length: number;
}

const withLength = payload.map((text): Body => ({
  lines: [`Content-Length: ${text.length}`],
  text,
  length: text.length,
}));
const inChunks = fc.tuple(fc.array(payload, { minLength: 1, maxLength: 3 }), trailers).map(([parts, last]): Body => {
  const all = parts.join('') === '' ? ['x'] : parts;
  return { lines: ['Transfer-Encoding: chunked'], text: chunked(all, last), length: all.join('').length };
});
const none = fc.constant<Body>({ lines: [], text: '', length: 0 });

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT'];

/** Stands in each request for the number of the exchange. */
const NUMBER = 'X-Exchange: 000000';

/** The same exchange with its number, so that a request that arrives late is not taken for a later one. */
export function numbered(pieces: readonly string[], number: number): string[] {
  const text = pieces.join('').replace(NUMBER, `X-Exchange: ${String(number).padStart(6, '0')}`);
  let from = 0;
  return pieces.map(({ length }) => text.slice(from, (from += length)));
}

const request = fc
  .record({
    method: fc.constantFrom(...METHODS),
    target,
    fields: fc.oneof({ weight: 6, arbitrary: fields }, { weight: 1, arbitrary: huge.map((line) => [line]) }),
    body: fc.oneof(none, withLength, inChunks),
    hostFirst: fc.boolean(),
  })
  .map((parts) => {
    const { method, body, hostFirst } = parts;
    const host = 'Host: api.example.com';
    const lines = hostFirst ? [host, ...parts.fields] : [...parts.fields, host];
    const head = [`${method} ${parts.target} HTTP/1.1`, NUMBER, ...lines, ...body.lines, '', ''].join('\r\n');
    return { method, head, body };
  });

const STATUSES = [200, 201, 202, 204, 206, 301, 302, 304, 400, 401, 403, 404, 418, 429, 500, 501, 503, 599];
const GARBAGE = [
  'SSH-2.0-OpenSSH\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\nab',
  'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  'HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n',
  `HTTP/1.1 200 OK\r\nX-Long: ${'l'.repeat(20_000)}\r\n\r\n`,
  'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(60),
  '',
];

interface Answered {
  readonly head: string;
  readonly body: string;
  readonly after: Script['after'];
  /** Where the answer breaks off. Absent: it is whole. */
  readonly length?: number;
}

const answer = fc
  .record({
    interim: fc.array(fc.constantFrom('102 Processing', '103 Early Hints'), { maxLength: 3 }),
    status: fc.constantFrom(...STATUSES),
    reason: fc.constantFrom('OK', '', 'Not \xffne', 'So it is'),
    fields,
    cookies: fc.constantFrom<readonly string[]>([], ['Set-Cookie: a=1', 'Set-Cookie: b=2']),
    connection: fc.constantFrom<readonly string[]>(
      [],
      [],
      ['Connection: close'],
      ['Connection: X-Hop', 'X-Hop: 1'],
      ['Keep-Alive: timeout=9'],
    ),
    body: fc.oneof(withLength, inChunks, fc.constant('until close' as const)),
    text: payload,
  })
  .map(({ interim, status, reason, body, text, ...rest }) => {
    const empty = status === 204 || status === 304;
    const framed = body === 'until close' ? { lines: ['Connection: close'], text } : body;
    const lines = [...rest.fields, ...rest.cookies, ...(body === 'until close' ? [] : rest.connection)];
    const head = [`HTTP/1.1 ${status} ${reason}`, ...lines, ...(empty ? [] : framed.lines), '', ''].join('\r\n');
    const early = interim.map((line) => `HTTP/1.1 ${line}\r\nLink: </a>\r\n\r\n`).join('');
    const after = body === 'until close' ? ('FIN' as const) : ('open' as const);
    return { head: early + head, body: empty ? '' : framed.text, after };
  });

const broken = fc
  .tuple(
    answer,
    fc.constantFrom('head', 'body'),
    fc.constantFrom('FIN', 'RST'),
    fc.double({ min: 0, max: 0.99, noNaN: true }),
  )
  .map(([whole, where, after, share]): Answered => {
    const { head, body } = whole;
    const length = where === 'head' ? Math.floor(head.length * share) : head.length + Math.floor(body.length * share);
    return { head, body, after: after, length };
  });

const garbage = fc
  .tuple(fc.constantFrom(...GARBAGE), fc.constantFrom('FIN', 'RST'))
  .map(([head, after]): Answered => ({ head, body: '', after: after }));

/** The bytes in pieces, cut at up to two places. */
const cutting = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 2 });

function inPieces(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((share) => Math.floor(text.length * share)).sort((a, b) => a - b), text.length];
  const pieces = places.slice(1).map((end, at) => text.slice(places[at], end));
  return pieces.filter((piece, at) => piece !== '' || at === 0);
}

type Ending = 'none' | 'half' | 'slow' | 'inside' | 'head' | 'body' | 'after';

export const engineExchanges: fc.Arbitrary<GeneratedExchange> = fc
  .record({
    request,
    answer: fc.oneof(
      { weight: 6, arbitrary: answer },
      { weight: 2, arbitrary: broken },
      { weight: 1, arbitrary: garbage },
    ),
    cuts: fc.tuple(cutting, cutting),
    ending: fc.constantFrom<Ending>('none', 'none', 'none', 'none', 'half', 'slow', 'inside', 'head', 'body', 'after'),
    share: fc.double({ min: 0, max: 0.99, noNaN: true }),
    deaf: fc.boolean(),
    early: fc.constantFrom(false, false, false, true),
  })
  .map(({ request: asked, answer: said, cuts, ending, share, deaf, early }): GeneratedExchange => {
    const { method, head, body } = asked;
    const text = said.head + (method === 'HEAD' ? '' : said.body);
    const length = 'length' in said && said.length !== undefined ? said.length : text.length;
    const script: Script = {
      pieces: inPieces(text.slice(0, length), cuts[1]),
      after: said.after,
      ...(early && { early }),
      ...(deaf && body.length > 50_000 && { deafMs: 30 }),
    };
    const cut = cutOf(ending, body);
    const whole = head + body.text;
    const at = cut === 'head' ? Math.floor(head.length * share) : head.length + Math.floor(body.text.length * share);
    const pieces = inPieces(cut ? whole.slice(0, at) : whole, cuts[0]);
    const after = cut || ending === 'after' ? 'reset' : ending === 'half' ? 'half' : 'open';
    return {
      method,
      script: cut || ending === 'after' ? { pieces: [], after: 'open' } : script,
      moves: {
        pieces,
        after,
        ...(ending === 'slow' && { deafMs: 30 }),
        ...(ending === 'inside' && { leavesInside: true }),
      },
      ...(cut && { cut }),
    };
  });

function cutOf(ending: Ending, body: Body): 'head' | 'body' | undefined {
  if (ending === 'head') return 'head';
  return ending === 'body' && body.text !== '' ? 'body' : undefined;
}
