/** A WASM plugin as a method, through `serve`: its answers, whom it names, and what of it reaches the upstream. */
import { statusOf } from '../../../support/ask.js';
import { get, type Ground, KEY } from '../../../support/attack-ground.js';
import { closePlugins, openPlugins } from '../../../attacks/wsm/plugin-ground.js';
import { valuesOf } from '../../../support/messages.js';
import { CONTINUE, i32, PAUSE, type Kit } from '../../../support/wat-plugin.js';

const property = (kit: Kit, path: string, value: string): string =>
  kit.do('proxy_set_property', kit.text(path), kit.text(value));

const own = [
  ['Content-Type', 'application/json'],
  ['X-Why', 'because'],
  ['WWW-Authenticate', 'Own realm="x"'],
] as const;

/** By the letter of `x-do`; without one: granted as alice. */
const WAYS = (kit: Kit): string =>
  [
    kit.on('a', `${kit.respond(401, '{"error":"who?"}', own)} (return ${PAUSE})`),
    kit.on('b', `${kit.respond(403, '{"error":"no"}', own)} (return ${PAUSE})`),
    kit.on('c', `${kit.respond(302, '', [['Location', 'https://login.example/?a=1']])} (return ${PAUSE})`),
    kit.on('d', `${kit.respond(429, 'slow', [['Retry-After', '7']])} (return ${PAUSE})`),
    kit.on('e', `${kit.respond(200, 'maintenance')} (return ${PAUSE})`),
    kit.on('f', `(return ${CONTINUE})`),
    kit.on('g', `${kit.set('X-Authenticated-User', '')} (return ${CONTINUE})`),
    kit.on(
      'h',
      `${property(kit, 'auth\0subject', 'subject-of-it')} ${kit.set('X-Tenant', 'blue')} ${kit.grant('header')} return`,
    ),
    kit.on('i', `${property(kit, 'auth\0subject', '')} ${kit.grant()} return`),
    kit.on('j', `${property(kit, 'auth\0subject', 's'.repeat(257))} ${kit.grant()} return`),
    kit.on('k', `${property(kit, 'auth.subject', 'dots')} ${kit.grant()} return`),
    kit.on(
      'n',
      `${kit.set('X-Other', 'new')} ${kit.set('Accept', 'changed')} ${kit.set('X-Tenant', 'red')} ${kit.do('proxy_remove_header_map_value', i32(0), kit.text('User-Agent'))} ${kit.grant()} return`,
    ),
    kit.on('u', `${kit.set('X-Authenticated-User', 'Zo\u00c3\u00ab %')} ${CONTINUE} return`),
    kit.grant(),
  ].join('\n');

let ground: Ground;
beforeAll(async () => {
  ground = await openPlugins(
    {
      p: {
        build: (kit) => ({ onRequest: WAYS(kit) }),
        options: 'timeout: 1s, identity_headers: [X-Authenticated-User, X-Tenant], credential_headers: [X-Cred]',
        isolation: 'worker',
      },
      kept: {
        build: (kit) => ({ onRequest: kit.grant() }),
        options: 'timeout: 1s, credential_headers: [X-Kept], strip_credentials: false',
        isolation: 'worker',
      },
    },
    {
      routes: `
  - { id: first, path: /first/*, upstream: backend, auth: { methods: [p, api_key] } }
  - { id: last, path: /last/*, upstream: backend, auth: { methods: [api_key, p] } }
  - { id: besides, path: /besides/*, upstream: backend, auth: { api_key: true }, plugins: [p] }
  - { id: maybe, path: /maybe/*, upstream: backend, auth: { methods: [p], require: false } }
  - { id: limited, path: /limited/*, upstream: backend, auth: { p: true }, rate_limit: { rate: 1, burst: 2 } }`,
    },
  );
});
afterAll(closePlugins);

const KEYED = `X-API-Key: ${KEY}`;

async function tried(target: string, ...lines: readonly string[]) {
  const answer = await ground.send(get(target, ...lines));
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const arrived = ground.arrived();
  const field = (name: string) => arrived.flatMap((message) => [...valuesOf(message, name)]);
  return { status: statusOf(answer), head, body, arrived, users: field('x-authenticated-user'), field };
}

describe('an answer of its own passes through as it was written:', () => {
  test.each([
    [
      'a',
      401,
      '{"error":"who?"}',
      ['Content-Type: application/json', 'X-Why: because', 'WWW-Authenticate: Own realm="x"'],
    ],
    ['b', 403, '{"error":"no"}', ['Content-Type: application/json', 'X-Why: because']],
    ['c', 302, '', ['Location: https://login.example/?a=1']],
    ['d', 429, 'slow', ['Retry-After: 7']],
    ['e', 200, 'maintenance', []],
  ])('%s: %d', async (letter, status, body, fields) => {
    const found = await tried('/p/x', `x-do: ${letter}`);
    expect([found.status, found.body, found.arrived]).toEqual([status, body, []]);
    for (const field of [...fields, `Content-Length: ${body.length}`]) expect(found.head).toContain(field);
    expect(found.head).not.toMatch(/WWW-Authenticate: Plugin/);
  });
});

describe('among several methods', () => {
  test.each(['a', 'b', 'f'])('401 and 403 let the next one try: %s', async (letter) => {
    const found = await tried('/first/x', `x-do: ${letter}`, KEYED);
    expect([found.status, found.field('x-key-name'), found.users]).toEqual([200, ['alice'], []]);
  });

  test.each([
    ['c', 302],
    ['d', 429],
    ['e', 200],
  ])('any other answer ends the search: %s', async (letter, status) => {
    const found = await tried('/first/x', `x-do: ${letter}`, KEYED);
    expect([found.status, found.arrived]).toEqual([status, []]);
  });

  test('where none grants, the first that was refused answers', async () => {
    expect(await tried('/first/x', 'x-do: b')).toMatchObject({ status: 403, body: '{"error":"no"}', arrived: [] });
    expect((await tried('/last/x', 'x-do: b', 'X-API-Key: wrong')).status).toBe(401);
  });

  test('what an earlier method rejected, the plugin is not shown', async () => {
    expect((await tried('/last/x', 'X-API-Key: wrong', 'x-do: a')).status).toBe(401);
    // The header that makes the plugin refuse holds the rejected key. Loom removes the header, and the plugin grants.
    expect((await tried('/last/x', 'X-API-Key: wrong', 'x-do: a-wrong')).users).toEqual(['alice']);
  });

  test('required as well: both must grant', async () => {
    expect((await tried('/besides/x')).status).toBe(401);
    expect((await tried('/besides/x', KEYED, 'x-do: b')).status).toBe(403);
    const found = await tried('/besides/x', KEYED);
    expect([found.field('x-key-name'), found.users]).toEqual([['alice'], ['alice']]);
  });

  test('optional: a refusal still refuses the request', async () => {
    expect((await tried('/maybe/x')).users).toEqual(['alice']);
    expect((await tried('/maybe/x', 'x-do: b')).status).toBe(403);
  });
});

describe('whom it names', () => {
  test.each(['f', 'g', 'i', 'j'])('a request without a named caller is not granted: %s', async (letter) => {
    const found = await tried('/p/x', `x-do: ${letter}`, 'X-Authenticated-User: root');
    expect([found.status, found.arrived]).toEqual([401, []]);
    expect(found.head).toMatch(/WWW-Authenticate: Plugin realm="p"/);
  });

  test('only its identity headers reach the upstream, in place of the client’s; nothing else is changed', async () => {
    const client = ['Accept: text/plain', 'User-Agent: test', 'X-Other: old', 'X-Tenant: root', 'x_tenant: root'];
    const found = await tried('/p/x', 'x-do: n', ...client);
    expect(found.users).toEqual(['alice']);
    expect(['x-tenant', 'x_tenant', 'accept', 'user-agent', 'x-other'].map(found.field)).toEqual([
      ...[['red'], [], ['text/plain'], ['test'], ['old']],
    ]);
    const dropped = ['x-other', 'accept'].map((name) => `"header":"${name}"`);
    for (const words of dropped) expect(ground.output()).toContain(words);
    // Once for each name.
    await tried('/p/x', 'x-do: n');
    expect(ground.output().split('"header":"x-other"')).toHaveLength(2);
  });

  test('an identity header that it does not set is none', async () => {
    const found = await tried('/p/x', 'X-Tenant: root');
    expect([found.users, found.field('x-tenant')]).toEqual([['alice'], []]);
  });

  test('letters beyond ASCII are percent-encoded, as of every method', async () => {
    expect((await tried('/p/x', 'x-do: u')).users).toEqual(['Zo%C3%AB %25']);
  });

  test('each name has a limit of its own, by auth.subject where there is one', async () => {
    const statuses = async (letter: string, times: number): Promise<readonly number[]> => {
      const found: number[] = [];
      for (let count = 0; count < times; count += 1) found.push((await tried('/limited/x', `x-do: ${letter}`)).status);
      return found;
    };
    expect((await statuses('-', 8)).filter((status) => status === 429).length).toBeGreaterThan(2);
    expect(await statuses('h', 1)).toEqual([200]);
  });
});

describe('what it is shown', () => {
  test.each(['X-Name: Zo\u00eb', 'X-Cred: \u00ff', 'Cookie: a=\u0080', 'x-do: \u00c3\u00ab'])(
    'never a value beyond ASCII: %s',
    async (line) => {
      expect((await tried('/p/x', line)).status).toBe(400);
    },
  );

  test('never two credentials of a kind', async () => {
    const found = await tried('/p/x', 'X-Cred: one', 'x-cred: two');
    expect([found.status, found.arrived]).toEqual([400, []]);
  });

  test('its credential stays here, unless it is to go on', async () => {
    expect((await tried('/p/x', 'X-Cred: one')).field('x-cred')).toEqual([]);
    expect((await tried('/kept/x', 'X-Kept: one')).field('x-kept')).toEqual(['one']);
    // And never where it did not grant.
    expect((await tried('/api/v1/x', KEYED, 'X-Kept: one', 'X-Cred: one')).field('x-kept')).toEqual([]);
  });
});
