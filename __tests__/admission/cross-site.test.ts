import type { IncomingMessage } from 'node:http';
import { crossSiteRefused, type CrossSiteQuestion } from '../../src/admission/cross-site.js';
import { anyCertificate, judging, type Judge } from '../support/judge.js';

let node: Judge;

beforeAll(async () => {
  node = await judging();
});

afterAll(() => node.close());

const QUESTION: CrossSiteQuestion = { ambient: true, allowedOrigins: ['https://app.example'], upgrade: false };

const refused = (
  method: string,
  lines: readonly string[],
  more: Partial<CrossSiteQuestion> & { host?: string } = {},
) => {
  const { host = 'gw.example', ...question } = more;
  const bytes = [`${method} /a HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n');
  return node.ask(bytes, (req) => crossSiteRefused(req, { ...QUESTION, ...question }));
};

const CROSS = ['Sec-Fetch-Site: cross-site', 'Origin: https://evil.example'];

describe('a request from another site', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])(
    'is refused as %s, and from our own passes',
    async (method) => {
      expect(await refused(method, CROSS)).toBe(true);
      expect(await refused(method, ['Sec-Fetch-Site: same-origin', 'Origin: https://gw.example'])).toBe(false);
    },
  );

  it.each(['GET', 'HEAD', 'OPTIONS'])('passes as %s, but as no upgrade', async (method) => {
    expect(await refused(method, CROSS)).toBe(false);
    expect(await refused(method, CROSS, { upgrade: true })).toBe(true);
    expect(await refused(method, ['Origin: https://gw.example'], { upgrade: true })).toBe(false);
  });

  it('passes where the browser does not send the credential unasked', async () => {
    expect(await refused('POST', CROSS, { ambient: false })).toBe(false);
    expect(await refused('GET', CROSS, { ambient: false, upgrade: true })).toBe(false);
  });

  it('passes from an allowed origin, in any case, with or without a final slash in the file', async () => {
    const from = (origin: string) => refused('POST', ['Sec-Fetch-Site: cross-site', `Origin: ${origin}`]);
    expect(await from('https://app.example')).toBe(false);
    expect(await from('https://APP.example')).toBe(false);
    for (const origin of [
      'https://app.example.evil.com',
      'http://app.example',
      'https://app.example:8443',
      'https://app.example/',
      'https://xapp.example',
    ])
      expect(await from(origin)).toBe(true);
    const slash = { allowedOrigins: ['https://app.example/'] };
    expect(await refused('POST', ['Origin: https://app.example'], slash)).toBe(false);
  });

  it.each(['*', 'null', ''])('passes from no other origin if %j is an allowed origin', async (allowed) => {
    for (const origin of ['null', '*', 'https://evil.example', ''])
      expect(await refused('POST', [`Origin: ${origin}`], { allowedOrigins: [allowed] })).toBe(true);
    expect(await refused('POST', ['Origin: https://gw.example'], { allowedOrigins: [allowed] })).toBe(false);
  });
});

describe('what a browser says of the site', () => {
  it.each([
    [[], false],
    [['Sec-Fetch-Site: none'], false],
    [['Sec-Fetch-Site: same-origin'], false],
    [['Sec-Fetch-Site: same-site'], false],
    [['Sec-Fetch-Site: same-site', 'Origin: https://other.example'], true],
    [['Sec-Fetch-Site: cross-site'], true],
    [['Sec-Fetch-Site: CROSS-SITE'], true],
    [['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'], true],
    [['Sec-Fetch-Site: cross-site', 'Origin: https://gw.example'], true],
    [['Origin: null'], true],
    [['Origin: https://gw.example', 'Origin: https://evil.example'], true],
  ])('as %j is judged %s', async (lines, judged) => {
    expect(await refused('POST', lines)).toBe(judged);
  });
});

describe('our own origin', () => {
  it.each([
    ['https://gw.example', 'gw.example'],
    ['http://gw.example', 'gw.example'],
    ['https://GW.example', 'gw.EXAMPLE'],
    ['https://gw.example', 'gw.example:443'],
    ['http://gw.example:80', 'gw.example'],
    ['https://gw.example:8443', 'gw.example:8443'],
    ['http://[::1]:8080', '[::1]:8080'],
    ['http://[::1]', '[::1]'],
  ])('is %s for Host %s', async (origin, host) => {
    expect(await refused('POST', [`Origin: ${origin}`], { host })).toBe(false);
  });

  it.each([
    ['https://gw.example:8443', 'gw.example'],
    ['https://gw.example', 'gw.example:80'],
    ['https://gw.example.evil.com', 'gw.example'],
    ['https://gw.example@evil.com', 'gw.example'],
    ['https://gw.example/evil', 'gw.example'],
    ['ftp://gw.example', 'gw.example'],
    ['gw.example', 'gw.example'],
  ])('is not %s for Host %s', async (origin, host) => {
    expect(await refused('POST', [`Origin: ${origin}`], { host })).toBe(true);
  });

  it.each([
    ['https://site.example', ['X-Forwarded-Host: site.example']],
    ['https://site.example', ['X-Forwarded-Host: site.example', 'X-Forwarded-Proto: https']],
    ['https://site.example:8443', ['X-Forwarded-Host: site.example:8443']],
    ['https://site.example:8443', ['X-Forwarded-Host: site.example', 'X-Forwarded-Port: 8443']],
    ['https://site.example', ['X-Forwarded-Host: site.example, inner.example']],
    ['https://site.example', ['X-Forwarded-Host: inner.example', 'X-Forwarded-Host: site.example']],
    ['https://gw.example', ['X-Forwarded-Proto: https']],
    ['https://gw.example', []],
  ])('is %s where a trusted proxy says %j, and only there', async (origin, lines) => {
    const asked = [`Origin: ${origin}`, ...lines];
    expect(await refused('POST', asked, { trustedPeer: true })).toBe(false);
    expect(await refused('GET', asked, { trustedPeer: true, upgrade: true })).toBe(false);
    expect(await refused('POST', asked)).toBe(origin !== 'https://gw.example');
  });

  it.each([
    ['https://evil.example', ['X-Forwarded-Host: site.example']],
    ['https://gw.example', ['X-Forwarded-Host: site.example']],
    ['http://site.example', ['X-Forwarded-Host: site.example', 'X-Forwarded-Proto: https']],
    ['https://site.example:8443', ['X-Forwarded-Host: site.example']],
    ['https://site.example', ['X-Forwarded-Host: site.example.evil']],
    ['https://evil.example', ['X-Forwarded-Host:']],
  ])('is not %s where a trusted proxy says %j', async (origin, lines) => {
    expect(await refused('POST', [`Origin: ${origin}`, ...lines], { trustedPeer: true })).toBe(true);
  });

  it('is none where the request names no host', async () => {
    const judge = (req: IncomingMessage) => crossSiteRefused(req, QUESTION);
    expect(await node.ask('POST /a HTTP/1.0\r\nOrigin: https://gw.example\r\n\r\n', judge)).toBe(true);
    expect(await node.ask('POST /a HTTP/1.0\r\n\r\n', judge)).toBe(false);
  });

  it('is https on our own TLS', async () => {
    const secure = await judging({ tls: await anyCertificate() });
    const answer = (origin: string) =>
      secure.ask(`POST / HTTP/1.1\r\nHost: gw.example\r\nOrigin: ${origin}\r\n\r\n`, (req) =>
        crossSiteRefused(req, QUESTION),
      );
    expect(await answer('https://gw.example')).toBe(false);
    expect(await answer('http://gw.example')).toBe(true);
    await secure.close();
  });
});
