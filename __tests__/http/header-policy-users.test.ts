/** Every header of the policy, through every part of the gateway that asks the policy. */
import { Agent, createServer, get as httpGet, type IncomingMessage } from 'node:http';
import { createFramingCheck } from '../../src/http/framing.js';
import { dropHopByHop, endToEndFields } from '../../src/proxy/end-to-end-fields.js';
import { prepareForward } from '../../src/admission/forwarded.js';
import { foldName, isPerHop, TrustedHeaders } from '../../src/http/header-policy.js';
import { CallOuts } from '../../src/wasm/callouts.js';
import { diagnose, errorsOf, fileOf } from '../config/files.js';
import { getWith, judging, type Judge } from '../support/judge.js';
import { ACTED_ON, inBatches, SAMPLES, sendable, SPELLINGS } from '../support/policy-samples.js';
import { closed, listening, recordingUpstream } from '../support/recording-upstream.js';

let node: Judge;
beforeAll(async () => (node = await judging()));
afterAll(() => node.close());

const VALUE = 'of-the-client';
const TRUST_NONE = (): boolean => false;
const ANYBODY = (): boolean => true;

/** The names that hold the client's value afterwards, in any view of the request. */
const left = (req: IncomingMessage): readonly string[] => {
  const { headers, headersDistinct, rawHeaders } = req;
  const raw = rawHeaders.filter((_, at) => at % 2 === 0 && String(rawHeaders[at + 1]).includes(VALUE));
  const views = [headers, headersDistinct].flatMap((view) =>
    Object.entries(view).flatMap(([name, value]) => (String(value).includes(VALUE) ? [name] : [])),
  );
  return [...new Set([...raw, ...views].map((name) => name.toLowerCase()))].sort();
};

const forwarded = (names: readonly string[], trusted: () => boolean, trustedHeaders?: TrustedHeaders) =>
  node.ask(getWith(...names.map((name) => `${name}: ${VALUE}`)), (req) => {
    prepareForward(req, { trusted, ...(trustedHeaders && { trustedHeaders }) });
    return left(req);
  });

const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();

describe('forwarding a request', () => {
  test.each(SPELLINGS.map((spell, at) => [spell('x-forwarded-user'), at] as const))(
    'a client passes none but those that always go, spelt as %s',
    async (_, at) => {
      const spell = SPELLINGS[at] as (name: string) => string;
      for (const batch of inBatches(sendable('never', 'from_proxies', 'where_named').map(spell)))
        expect(await forwarded(batch, TRUST_NONE)).toEqual([]);
    },
  );

  test('a trusted proxy passes its claims of the client in their own spelling, and no more', async () => {
    const claims = sendable('from_proxies');
    for (const batch of inBatches(claims)) expect(await forwarded(batch, ANYBODY)).toEqual(sorted(batch));
    for (const batch of inBatches(sendable('never', 'where_named')))
      expect(await forwarded(batch, ANYBODY)).toEqual([]);
    const aliases = claims.map((name) => name.replaceAll('-', '_')).filter((name) => foldName(name) !== name);
    for (const batch of inBatches(aliases)) expect(await forwarded(batch, ANYBODY)).toEqual([]);
  });

  test('trusted_headers lets each identity of another product pass, from a trusted proxy alone', async () => {
    for (const batch of inBatches(sendable('where_named'))) {
      const named = new TrustedHeaders(batch.map((name) => name.toUpperCase()));
      expect(await forwarded(batch, ANYBODY, named)).toEqual(sorted(batch));
      expect(await forwarded(batch, TRUST_NONE, named)).toEqual([]);
      const aliases = batch.map((name) => name.replaceAll('-', '_')).filter((name) => foldName(name) !== name);
      expect(await forwarded(aliases, ANYBODY, named)).toEqual([]);
    }
  });

  test('twin: what describes the message goes on from any peer', async () => {
    const plain = [...sendable('always'), 'x-custom', 'x_custom_2', 'x-request-id'];
    for (const batch of inBatches(plain)) {
      expect(await forwarded(batch, TRUST_NONE)).toEqual(sorted(batch));
      expect(await forwarded(batch, ANYBODY)).toEqual(sorted(batch));
    }
  });

  test('an identity of another product that a middleware has added to `headers` alone goes too', async () => {
    const views = await node.ask(getWith('X-Custom: 1'), (req) => {
      for (const name of sendable('where_named')) req.headers[name] = VALUE;
      req.headers['x-of-the-host'] = VALUE;
      prepareForward(req, { trusted: TRUST_NONE });
      return left(req);
    });
    expect(views).toEqual(['x-of-the-host']);
  });
});

test('the proxy sends no field of a connection on, and every other one', async () => {
  const names = SAMPLES.map(({ name }) => name);
  const kept = await node.ask(getWith(), (req) => {
    req.headers = Object.fromEntries([...names, 'x-custom'].map((name) => [name, VALUE]));
    dropHopByHop(req);
    return Object.keys(req.headers);
  });
  const framing = ['host', 'content-length', 'transfer-encoding'];
  expect(sorted(kept)).toEqual(sorted([...names.filter((name) => !isPerHop(name)), ...framing, 'x-custom']));
});

test('an answer of an upstream loses the fields of its connection, and no other one', async () => {
  const names = SAMPLES.map(({ name }) => name).filter((name) => !ACTED_ON.has(name) || name === 'trailer');
  for (const batch of inBatches([...names, 'x-custom'])) {
    const lines = batch.map((name) => `${name}: 1`);
    const answer = ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Connection: close', ...lines, '', '0', '', ''];
    const upstream = await recordingUpstream(() => answer.join('\r\n'));
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      httpGet(upstream.url, resolve).on('error', reject);
    });
    const fields = endToEndFields(message).map(([name]) => name);
    expect(fields).toEqual(batch.filter((name) => !isPerHop(name)));
    message.destroy();
    await upstream.close();
  }
});

describe('framing', () => {
  const check = createFramingCheck(['x-api-key']);
  const judged = (...lines: string[]) => node.ask(getWith(...lines), check);
  const BAD = { status: 400, code: 'bad_request' };

  test('another spelling of a field that frames the message is refused, and no other spelling is', async () => {
    const aliases = SAMPLES.filter(({ name }) => name.includes('-')).map(({ name, family }) => ({
      line: `${name.replaceAll('-', '_')}: 1`,
      refused: family.oneSpelling,
    }));
    expect(aliases.filter(({ refused }) => refused)).toHaveLength(2);
    for (const { line, refused } of aliases)
      expect([line, await judged(line)]).toMatchObject([line, refused ? BAD : undefined]);
  });

  test('Connection names no field without which the message means something else', async () => {
    const refused: string[] = [];
    for (const { name } of SAMPLES) if (await judged(`Connection: ${name}`)) refused.push(name);
    expect(sorted(refused)).toEqual(
      sorted([
        ...['host', 'content-length', 'transfer-encoding', 'authorization', 'cookie'],
        ...['sec-websocket-protocol', 'sec-websocket-key', 'sec-websocket-version'],
      ]),
    );
    expect(await judged('Connection: X_API_Key')).toMatchObject(BAD);
    expect(await judged('Connection: x-custom')).toBeUndefined();
  });
});

test('a plugin that calls out sets no field of the connection, in any spelling, and every other one', async () => {
  const seen: IncomingMessage[] = [];
  const server = createServer((req, res) => (seen.push(req), res.end()));
  const port = await listening(server);
  const agents = { http: new Agent(), https: new Agent() as never };
  const calls = new CallOuts(new Map([['authz', () => ({ url: new URL(`http://127.0.0.1:${port}`) })]]), agents);
  const names = [...SAMPLES.map(({ name }) => name), 'x-custom'];
  for (const spell of SPELLINGS) {
    for (const batch of inBatches(names.map(spell))) {
      const pseudo = [
        [':method', 'GET'],
        [':path', '/'],
        [':authority', 'authz'],
      ] as const;
      const pairs = [...pseudo, ...batch.map((name) => [name, VALUE] as const)];
      const call = { token: 1, upstream: 'authz', pairs, body: new Uint8Array(0), timeoutMs: 20_000 };
      const answer = await new Promise<{ readonly pairs: readonly unknown[] }>((told) => {
        expect(calls.start(call, told)).toBe(true);
      });
      expect(answer.pairs.length).toBeGreaterThan(0);
      const raw = seen.pop()?.rawHeaders ?? [];
      const sent = raw.flatMap((name, at) => (at % 2 === 0 && raw[at + 1] === VALUE ? [name.toLowerCase()] : []));
      expect(sorted(sent)).toEqual(sorted(batch.map((name) => name.toLowerCase()).filter((name) => !isPerHop(name))));
    }
  }
  calls.close();
  await closed(server);
});

describe('the file', () => {
  const API_KEY = { keys: [{ key: 'k-1234567890abcdef', name: 'alice' }] };
  const JWT = { issuer: 'https://id.example', audience: 'api', jwks_url: 'https://id.example/jwks' };
  const refusedAt = (parts: object, code: string): readonly string[] =>
    errorsOf(fileOf(parts))
      .filter((each) => each.code === code)
      .map(({ path }) => path);

  const spelt = SAMPLES.flatMap(({ name, family }, at) => {
    const spell = SPELLINGS[at % SPELLINGS.length] as (name: string) => string;
    return [{ header: spell(name), setBy: family.setBy, credential: family.credential, family }];
  });

  test.each([
    [
      'claims_to_headers',
      'any',
      (map: object) => ({ middleware: { auth: { jwt: { ...JWT, claims_to_headers: map } } } }),
    ],
    [
      'claims_to_headers of an issuer',
      'any',
      ({ ...map }: object) => {
        const issuers = [{ issuer: JWT.issuer, jwks_url: JWT.jwks_url, claims_to_headers: map }];
        return { middleware: { auth: { jwt: { audience: 'api', issuers } } } };
      },
    ],
    [
      'identity_headers of a plugin',
      'any',
      (map: object) => ({
        middleware: { auth: { api_key: API_KEY } },
        plugins: [{ name: 'p', path: 'p.wasm', identity_headers: Object.values(map) as string[] }],
      }),
    ],
  ] as const)('%s may name those that no other rule owns', (_, setter, parts) => {
    const map = Object.fromEntries(spelt.map(({ header }, at) => [`c${at}`, header]));
    const refused = refusedAt(parts(map), 'forbidden_header').map((path) => Number(/(\d+)\]?$/.exec(path)?.[1]));
    const expected = spelt.flatMap(({ setBy }, at) => (setBy === setter ? [] : [at]));
    expect(refused.sort((a, b) => a - b)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(150);
  });

  test('client_cert_headers may name a field of a certificate besides', () => {
    const refused = spelt.filter(({ header }) => {
      const tls = { cert_file: 'a', key_file: 'b', client_auth: 'request', ca_file: 'c' };
      const listener = {
        address: ':8443',
        protocol: 'https',
        tls: { ...tls, client_cert_headers: { subject: header } },
      };
      const found = diagnose(fileOf({ listeners: [listener], middleware: { auth: { api_key: API_KEY } } }));
      return found.some(({ code }) => code === 'forbidden_header');
    });
    expect(refused.map(({ header }) => header)).toEqual(
      spelt.filter(({ setBy }) => setBy === 'none').map(({ header }) => header),
    );
  });

  test.each([
    ['api_key', (header: string) => ({ middleware: { auth: { api_key: { ...API_KEY, header } } } })],
    ['jwt', (header: string) => ({ middleware: { auth: { jwt: { ...JWT, header } } } })],
  ] as const)('a credential of %s stands in none with another meaning', (_, parts) => {
    const refused = spelt.filter(({ header }) => errorsOf(fileOf(parts(header))).length > 0);
    expect(refused.map(({ header }) => header)).toEqual(
      spelt.filter(({ credential }) => !credential).map(({ header }) => header),
    );
  });

  test('no request id and no header of a 429 has another meaning', () => {
    const id = spelt.filter(({ header }) => {
      const parts = { middleware: { auth: { api_key: API_KEY } }, logging: { request_id: { header } } };
      return refusedAt(parts, 'reserved_header').length === 0;
    });
    expect(id).toEqual([]);
    const limited = spelt.filter(({ header }) => {
      const rate_limit = { enabled: true, rate: 1, response: { headers: { [header]: '1' } } };
      return refusedAt({ middleware: { auth: { api_key: API_KEY } }, rate_limit }, 'reserved_header').length > 0;
    });
    expect(limited.map(({ header }) => header)).toEqual(
      spelt.filter(({ family }) => family.perHop).map(({ header }) => header),
    );
  });

  test('trusted_headers names identities alone', () => {
    const parts = {
      middleware: { auth: { jwt: JWT } },
      trusted_proxies: ['10.0.0.1'],
      trusted_headers: spelt.map(({ header }) => header),
    };
    const refused = refusedAt(parts, 'reserved_header').map((path) => Number(/\d+/.exec(path)?.[0]));
    expect(refused).toEqual(spelt.flatMap(({ family }, at) => (family.passage === 'where_named' ? [] : [at])));
  });
});
