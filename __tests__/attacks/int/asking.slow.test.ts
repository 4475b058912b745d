/**
 * Introspection requests: the server, the form of the request, the number of requests, and the confidentiality of the
 * token.
 */
import { Introspection } from '../../../src/tokens/introspection.js';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, type Ground } from '../../support/attack-ground.js';
import { BOTH } from '../../support/both-hosts.js';
import { introspected, yes } from '../../support/introspected.js';
import { bearer, seconds } from '../../support/token-issuer.js';
import { askedServer, json, type Answer, type Asked, type AskedServer } from '../../tokens/introspection-server.js';

const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
  await closeGrounds();
});

async function server(answer: Answer): Promise<AskedServer> {
  const made = await askedServer(answer);
  closing.push(() => made.close());
  return made;
}

/** `loom()` in a server of the test. A guarded request that passes is answered 418. */
async function gateway(
  { origin }: AskedServer,
  client = 'client_id: loom, client_secret: secret',
): Promise<(token: string) => Promise<number>> {
  const [inProcess] = BOTH as readonly [(typeof BOTH)[number]];
  const made = await inProcess.start(
    `middleware: { auth: { oauth: { introspection_url: "${origin}/introspect", ${client} } } }`,
  );
  closing.push(() => made.close());
  return async (token) => (await made.ask('/', bearer(token))).status;
}

describe('INT-01 the answer of one server is not used for another', () => {
  test('two gateways of one process, the same token', async () => {
    const [tenantA, tenantB] = [await server(yes()), await server(json({ active: false }))];
    const [a, b] = [await gateway(tenantA), await gateway(tenantB)];
    for (let times = 0; times < 2; times++) expect([await a('shared'), await b('shared')]).toEqual([418, 401]);
    expect([tenantA.asked.length, tenantB.asked.length]).toEqual([1, 1]);
  });

  test('two clients of one server, and one cache whose server changes', async () => {
    const one = await server((asked, to) => {
      const client = Buffer.from(String(asked.headers.authorization).slice(6), 'base64').toString();
      void json({ active: client.startsWith('a:'), sub: 'ada' })(asked, to);
    });
    const options = {
      clientSecret: 's',
      authMethod: 'basic',
      timeoutMs: 5_000,
      allowInsecureHttp: false,
      cacheTtlMs: 300_000,
      cacheSize: 100,
      now: Date.now,
      report: () => undefined,
    } as const;
    const made = ['a', 'b'].map((clientId) => new Introspection({ ...options, clientId, url: one.origin }));
    closing.push(() => Promise.resolve(made.forEach((each) => each.close())));
    for (let times = 0; times < 2; times++) {
      const answers = await Promise.all(made.map((each) => Promise.resolve(each.ask('shared'))));
      expect(answers.map(({ kind }) => kind)).toEqual(['active', 'inactive']);
    }
  });

  test('twin: each caches its own answers', async () => {
    const tenant = await server(yes());
    const ask = await gateway(tenant);
    expect([await ask('mine'), await ask('mine')]).toEqual([418, 418]);
    expect(tenant.asked).toHaveLength(1);
  });
});

describe('INT-02 a cached answer is checked again on each route', () => {
  let ground: Ground;
  beforeAll(async () => {
    const route = (id: string, narrow: string) =>
      `\n  - { id: ${id}, path: "/${id}/*", upstream: backend, auth: { oauth: { ${narrow} } } }`;
    ground = await openGround({
      routes:
        route('read', 'required_scopes: [read]') +
        route('write', 'required_scopes: [write]') +
        route('rw', 'required_scopes: [read, write]') +
        route('ours', 'audience: api') +
        route('theirs', 'audience: [other, third]'),
    });
    ground.introspection.answer = json({ active: true, sub: 'ada', scope: 'read', aud: ['api'], exp: seconds() + 600 });
  });
  const statuses = async (token: string, ...routes: string[]): Promise<number[]> => {
    const found: number[] = [];
    for (const route of routes)
      found.push(statusOf(await ground.send(get(`/${route}/x`, `Authorization: Bearer ${token}`))));
    return found;
  };

  test.each([
    ['read', 'write', 403],
    ['read', 'rw', 403],
    ['ours', 'theirs', 403],
    ['oauth', 'write', 403],
    ['oauth', 'theirs', 403],
  ])('%s first, then %s: %i every time', async (passing, refusing, status) => {
    const token = `from-${passing}-to-${refusing}`;
    expect(await statuses(token, passing, refusing, passing, refusing, refusing)).toEqual([
      200,
      status,
      200,
      status,
      status,
    ]);
    expect(await statuses(`${token}-turned`, refusing, passing, refusing)).toEqual([status, 200, status]);
    const asked = ground.introspection.asked.map(({ body }) => new URLSearchParams(body).get('token'));
    expect(asked.filter((each) => each === token)).toHaveLength(1);
  });

  test('a scope is a whole word', async () => {
    for (const [scope, at] of [
      ['rewrite', 1],
      ['write-all', 2],
      ['WRITE', 3],
      ['read,write', 4],
      ['read\twrite', 5],
      [['read write'], 6],
      [{ write: true }, 7],
      ['', 8],
    ] as const) {
      ground.introspection.answer = yes({ scope });
      expect(await statuses(`words-${at}`, 'write')).toEqual([403]);
    }
  });

  test('twin: with the scope it passes both', async () => {
    ground.introspection.answer = yes({ scope: 'write read' });
    expect(await statuses('both', 'read', 'write', 'rw')).toEqual([200, 200, 200]);
    ground.introspection.answer = yes({ scope: ['read', 'write'] });
    expect(await statuses('list', 'read', 'write', 'rw')).toEqual([200, 200, 200]);
  });
});

describe('INT-08 a token is one form field', () => {
  let asked: readonly Asked[];
  let send: (token: string, ...lines: string[]) => Promise<number>;
  beforeAll(async () => {
    const at = await introspected();
    at.ground.introspection.answer = yes();
    asked = at.ground.introspection.asked;
    send = async (token, ...lines) =>
      statusOf(
        await at.ground.send(get('/oauth/x', ...(token === '' ? [] : [`Authorization: Bearer ${token}`]), ...lines)),
      );
  });

  test.each([
    'a&token=good',
    'a&token=good&token_type_hint=refresh_token',
    'a%00',
    'a;token=good',
    'a token=good',
    'a\u00e9',
    '"a"',
    'a,b',
    'a#',
    'a\\',
    'a?b',
    'a=b',
    '=',
    '%26token%3Dgood',
    'x'.repeat(12_001),
  ])('%.60s is not a token, and the server is not asked', async (token) => {
    const before = asked.length;
    expect(await send(token)).toBe(401);
    expect(asked.length).toBe(before);
  });

  test.each(['a\u0000', 'a\u000b', 'a\r\n token=good'])('%j is not a valid message', async (token) => {
    const before = asked.length;
    expect(await send(token)).toBe(400);
    expect(asked.length).toBe(before);
  });

  test.each(['a+b', 'a/b', 'ab==', 'a~b', '-._~+/', 'x'.repeat(12_000)])(
    'twin: %.60s is introspected, whole and once',
    async (token) => {
      const before = asked.length;
      expect(await send(token)).toBe(200);
      const [question, ...more] = asked.slice(before);
      expect(more).toEqual([]);
      expect(question).toMatchObject({
        method: 'POST',
        url: '/introspect',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect([...new URLSearchParams(question?.body)]).toEqual([['token', token]]);
      expect(question?.body).toMatch(/^token=[A-Za-z0-9*._%-]+$/);
      expect(question?.headers['content-length']).toBe(String(question?.body.length));
    },
  );
});

describe('INT-09 a client’s name and secret are separated unambiguously', () => {
  const ODD = ['a:b', 'a%3Ab', 'a+b c', '100%', '\u00fc\u65e5', 'a&client_secret=x', 'a=b', '"\\"', '*~!'];

  test.each(ODD)('as Basic, form-encoded before it is joined: %s', async (odd) => {
    const mock = await server(yes());
    const ask = await gateway(
      mock,
      `client_id: ${JSON.stringify(odd)}, client_secret: ${JSON.stringify(`${odd}${odd}`)}`,
    );
    expect(await ask('t')).toBe(418);
    const pair = Buffer.from(String(mock.asked[0]?.headers.authorization).replace(/^Basic /, ''), 'base64').toString(
      'latin1',
    );
    // Only characters that a form may contain, so that no library reads it in two ways.
    expect(pair).toMatch(/^[A-Za-z0-9*._%+-]+:[A-Za-z0-9*._%+-]+$/);
    const decoded = pair.split(':').map((half) => new URLSearchParams(`x=${half}`).get('x'));
    expect(decoded).toEqual([odd, `${odd}${odd}`]);
    expect(mock.asked[0]?.body).toBe('token=t');
  });

  test.each(ODD)('as form fields: %s', async (odd) => {
    const mock = await server(yes());
    const ask = await gateway(
      mock,
      `auth_method: post, client_id: ${JSON.stringify(odd)}, client_secret: ${JSON.stringify(odd)}`,
    );
    expect(await ask('t')).toBe(418);
    expect([...new URLSearchParams(mock.asked[0]?.body)]).toEqual([
      ['token', 't'],
      ['client_id', odd],
      ['client_secret', odd],
    ]);
    expect(mock.asked[0]?.headers.authorization).toBeUndefined();
  });

  test('twin: plain ones are sent unchanged', async () => {
    const mock = await server(yes());
    expect(await (await gateway(mock))('t')).toBe(418);
    expect(mock.asked[0]?.headers.authorization).toBe(`Basic ${Buffer.from('loom:secret').toString('base64')}`);
  });
});
