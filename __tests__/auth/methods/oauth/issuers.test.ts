/** What `oauth` demands of `iss`, and how it asks an issuer of a private authority. */
import { oauth } from '../../../../src/auth/methods/oauth/oauth.js';
import { atWork, serveMethod } from '../../../support/method-server.js';
import { askedServer, type AskedServer } from '../../../tokens/introspection-server.js';

let server: AskedServer;
let answer: object = {};
beforeAll(async () => {
  server = await askedServer((asked, response) => {
    const metadata = { issuer: server.origin, introspection_endpoint: `${server.origin}/introspect` };
    response.end(JSON.stringify(asked.url === '/introspect' ? { active: true, sub: 'alice', ...answer } : metadata));
  });
});
afterAll(() => server.close());

async function outcome(block: object, given: object): Promise<string> {
  answer = given;
  const method = atWork(oauth, { client_id: 'c', client_secret: 's', ...block });
  await method.strategy.ready;
  const gate = await serveMethod(method);
  const verdict = await gate.ask(['Authorization: Bearer opaque']);
  await Promise.all([gate.close(), method.strategy.close()]);
  return verdict.kind === 'rejected' ? verdict.reason : verdict.kind;
}

test('a discovered issuer need not repeat its name, and never has another one', async () => {
  const issuer = server.origin;
  expect(await outcome({ issuer }, {})).toBe('granted');
  expect(await outcome({ issuer }, { iss: issuer })).toBe('granted');
  for (const iss of ['https://evil.example', `${issuer}/`, ''])
    expect([iss, await outcome({ issuer }, { iss })]).toEqual([iss, 'token_issuer']);
  for (const iss of [null, 7, [issuer]])
    expect([iss, await outcome({ issuer }, { iss })]).toEqual([iss, 'token_claims']);
  expect(await outcome({ issuer, require_iss: true }, {})).toBe('token_issuer');
});

test('with an introspection_url the name is demanded, unless the file lifts that', async () => {
  const block = { issuer: server.origin, introspection_url: `${server.origin}/introspect` };
  expect(await outcome(block, {})).toBe('token_issuer');
  expect(await outcome({ ...block, require_iss: false }, {})).toBe('granted');
  expect(await outcome({ ...block, require_iss: false }, { iss: 'https://evil.example' })).toBe('token_issuer');
});

test('require_iss without an issuer is an error, and so is a ca_file without an authority', () => {
  const errors = (block: object) =>
    oauth
      .findings(
        oauth.options.parse({ client_id: 'c', client_secret: 's', introspection_url: 'https://id.example', ...block }),
      )
      .map(({ path, message }) => `${path.join('.')}: ${message}`);
  expect(errors({ require_iss: true })).toEqual([expect.stringMatching(/^require_iss: .*add "issuer"/)]);
  expect(errors({ ca: 'x' })).toEqual(['ca: holds no PEM certificate']);
  expect(errors({ require_iss: false })).toEqual([]);
});
