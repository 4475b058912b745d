/** Basic credentials in every other spelling: none is accepted, and none reaches the upstream. */
import { hashSync } from 'bcryptjs';
import { statusOf } from '../../support/ask.js';
import { closeGrounds, get, openGround, PASSWORD, type Ground } from '../../support/attack-ground.js';
import { valuesOf } from '../../support/messages.js';

const b64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
const basic = (text: string | Buffer): string => `Authorization: Basic ${b64(text)}`;
const ADMIN = b64(`admin:${PASSWORD}`);

const USERS = {
  admin: PASSWORD,
  secret: 'secret',
  empty: '',
  colon: 'x:y:',
  'jos\u00e9': 'sch\u00f6n',
  __proto__x: 'p',
};

let ground: Ground;
beforeAll(async () => {
  const users = Object.entries(USERS).map(
    ([name, password]) => `{ username: "${name}", password_hash: "${hashSync(password, 4)}" }`,
  );
  ground = await openGround({
    replaceAuth: true,
    auth: `
    basic: { realm: ops, claims_to_headers: { username: X-Operator }, users: [${users.join(', ')}] }`,
    replaceRoutes: true,
    routes: `
  - { id: ops, path: "/ops/*", upstream: backend, auth: { basic: true } }`,
    top: 'logging: { level: trace }',
  });
  ground.secrets.push(ADMIN, encodeURIComponent(PASSWORD));
});
afterAll(closeGrounds);

async function refused(status: number, ...lines: string[]): Promise<void> {
  const answer = await ground.send(get('/ops/x', ...lines));
  expect(statusOf(answer)).toBe(status);
  if (status === 401) expect(answer).toMatch(/^www-authenticate: Basic realm="ops", charset="UTF-8"\r$/im);
  expect(ground.arrived()).toEqual([]);
}

/** The request arrives as this user's, with the name as in the file (percent-encoded), and without the password. */
async function passes(operator: string, ...lines: string[]): Promise<void> {
  expect(statusOf(await ground.send(get('/ops/x', ...lines)))).toBe(200);
  const [message] = ground.arrived();
  expect(message && valuesOf(message, 'X-Operator')).toEqual([operator]);
  expect(message && valuesOf(message, 'Authorization')).toEqual([]);
}

describe('BAS-03 a NUL does not end a password', () => {
  test.each([
    'secret:secret\0x',
    'secret:secret\0',
    'secret:\0secret',
    'secret\0:secret',
    'secret\0x:secret',
    'empty:\0',
    'empty:\0x',
    '\0:',
    'secret:secret\u0001',
    'secret:secret\r\n',
    'secret:secret\u007f',
    'secret:secret\u0085',
    `secret:secret\0${'x'.repeat(64)}`,
  ])('%j', async (pair) => {
    await refused(401, basic(pair));
  });

  test('twin: the passwords themselves pass, the empty one too', async () => {
    await passes('secret', basic('secret:secret'));
    await passes('empty', basic('empty:'));
  });
});

const url = Buffer.from('jos\u00e9:sch\u00f6n').toString('base64url');

describe('BAS-08 one spelling of a credential', () => {
  test.each<[string, string]>([
    ['the scheme alone', 'Basic'],
    ['the scheme and a space', 'Basic '],
    ['no base64', 'Basic !!!!'],
    ['plain text', `Basic admin:${PASSWORD}`],
    ['base64url', `Basic ${url.includes('_') || url.includes('-') ? url : `${url}-_`}`],
    ['a space inside', `Basic ${ADMIN.slice(0, 8)} ${ADMIN.slice(8)}`],
    ['a tab inside', `Basic ${ADMIN.slice(0, 8)}\t${ADMIN.slice(8)}`],
    ['a tab for the space', `Basic\t${ADMIN}`],
    ['no space', `Basic${ADMIN}`],
    ['an equals sign for the space', `Basic=${ADMIN}`],
    ['padding left out', `Basic ${b64('secret:secret1').replace(/=+$/, '')}`],
    ['padding for nothing', `Basic ${ADMIN}====`],
    ['padding in the middle', `Basic ${b64('secret:')}${b64('secret')}`],
    ['bits after the end', `Basic ${b64('secret:secret').replace(/.=+$/, 'B==')}`],
    ['text after the end', `Basic ${b64('secret:secret')}AAAA`],
    ['an escape', `Basic ${ADMIN.replace(/=/g, '%3D')}%0a`],
    ['quotes', `Basic "${ADMIN}"`],
    ['a parameter', `Basic ${ADMIN}, charset="UTF-8"`],
    ['two in one line', `Basic ${b64('secret:nope')}, Basic ${ADMIN}`],
    ['encoded twice', `Basic ${b64(ADMIN)}`],
    ['no colon', `Basic ${b64('secretsecret')}`],
    ['no user', `Basic ${b64(`:${PASSWORD}`)}`],
    ['nothing but a colon', `Basic ${b64(':')}`],
    ['a second colon', `Basic ${b64('secret:secret:')}`],
    ['a colon of another script', `Basic ${b64('secret\uff1asecret')}`],
    ['the password cut at its colon', `Basic ${b64('colon:x')}`],
    ['Latin-1', `Basic ${b64(Buffer.from('jos\u00e9:sch\u00f6n', 'latin1'))}`],
    ['UTF-16', `Basic ${b64(Buffer.from('secret:secret', 'utf16le'))}`],
    ['an overlong colon', `Basic ${b64(Buffer.from('secret\xc0\xbasecret', 'latin1'))}`],
    ['a byte order mark', `Basic ${b64('\ufeffsecret:secret')}`],
    ['UTF-7', `Basic ${b64('secret+ADo-secret')}`],
    ['8 KB of user', `Basic ${b64(`${'x'.repeat(6_000)}:secret`)}`],
    ['8 KB of password', `Basic ${b64(`secret:secret${'x'.repeat(6_000)}`)}`],
    ['8 KB of base64 nonsense', `Basic ${'A'.repeat(8_000)}`],
    ['a scheme with this prefix', `BasicX ${ADMIN}`],
    ['a scheme with this suffix', `XBasic ${ADMIN}`],
    ['a non-ASCII letter', `Basic ${ADMIN}\u00e9`],
  ])('%s: 401', async (_what, value) => {
    await refused(401, `Authorization: ${value}`);
  });

  test.each([
    ['a right one and a wrong one', basic(`admin:${PASSWORD}`), basic('admin:nope')],
    ['a wrong one and a right one', basic('admin:nope'), basic(`admin:${PASSWORD}`)],
    ['a bearer beside it', 'Authorization: Bearer x', basic(`admin:${PASSWORD}`)],
    ['an empty one beside it', 'Authorization:', basic(`admin:${PASSWORD}`)],
    ['a control character', `Authorization: Basic\u000b${ADMIN}`],
    ['a folded line', `Authorization: Basic\r\n ${ADMIN}`],
  ])('%s: 400', async (_what, ...lines) => {
    await refused(400, ...lines);
  });

  test.each([
    ['basic', `basic ${ADMIN}`, 'admin'],
    ['BASIC', `BASIC ${ADMIN}`, 'admin'],
    ['two spaces', `Basic  ${ADMIN}`, 'admin'],
    ['a password with colons', `Basic ${b64('colon:x:y:')}`, 'colon'],
    ['UTF-8', `Basic ${b64('jos\u00e9:sch\u00f6n')}`, 'jos%C3%A9'],
    ['white space around it', ` Basic ${ADMIN} \t`, 'admin'],
  ])('twin: %s passes', (_what, value, operator) => passes(operator, `Authorization: ${value}`));
});

describe('BAS-09 no other field is read', () => {
  test.each([
    `Proxy-Authorization: Basic ${ADMIN}`,
    `X-Authorization: Basic ${ADMIN}`,
    `X-Forwarded-Authorization: Basic ${ADMIN}`,
    `Authorization-: Basic ${ADMIN}`,
    `Cookie: Authorization=Basic%20${ADMIN}`,
    `Authentication: Basic ${ADMIN}`,
    `WWW-Authenticate: Basic ${ADMIN}`,
  ])('%s', async (line) => {
    await refused(401, line);
  });

  test('in the query', async () => {
    const query = `authorization=Basic%20${ADMIN}&username=admin&password=${encodeURIComponent(PASSWORD)}`;
    expect(statusOf(await ground.send(get(`/ops/x?${query}`)))).toBe(401);
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: it passes in its own field, beside another', () =>
    passes('admin', 'Proxy-Authorization: Basic eDp5', `Authorization: Basic ${ADMIN}`));
});

describe('BAS-10 a user is exactly these bytes', () => {
  test.each([
    ...[
      'Admin',
      'ADMIN',
      'admin ',
      ' admin',
      'admin\t',
      'admin\u0000',
      'admin.',
      'admin@',
      '\u0430dmin',
      'a\u0064\u200bmin',
      'admin\u00a0',
    ].map((user) => [user, PASSWORD]),
    ...['DOMAIN\\admin', 'admin@gw', '"admin"', 'admin%00', '%61dmin', '\uff41dmin'].map((user) => [user, PASSWORD]),
    ['jose\u0301', 'sch\u00f6n'],
    ['jos\u00c9', 'sch\u00f6n'],
    ['jos\u00e9', 'scho\u0308n'],
    ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''].map((user) => [user, '']),
    ...['__proto__', 'undefined', 'null', 'NaN', '0'].map((user) => [user, 'undefined']),
  ])('%j with %j', async (user, password) => {
    await refused(401, basic(`${user}:${password}`));
  });

  test('twin: the name is forwarded as in the file', async () => {
    await passes('admin', basic(`admin:${PASSWORD}`));
    await passes('jos%C3%A9', basic('jos\u00e9:sch\u00f6n'));
    await passes('__proto__x', basic('__proto__x:p'));
  });
});

describe('BAS-13 a target contains no user', () => {
  const pair = `admin:${encodeURIComponent(PASSWORD)}`;

  test.each([
    `http://${pair}@gw/ops/x`,
    `https://${pair}@gw/ops/x`,
    `HTTP://${pair}@GW/ops/x`,
    `http://admin@gw/ops/x`,
    `http://@gw/ops/x`,
    `//${pair}@gw/ops/x`,
    `${pair}@gw`,
  ])('%s', async (target) => {
    const answer = await ground.send(get(target));
    expect(statusOf(answer)).toBe(400);
    expect(answer).not.toMatch(/correct|www-authenticate/i);
    expect(ground.arrived()).toEqual([]);
  });

  test.each([`${pair}@gw`, 'admin@gw', `gw@${pair}`])('nor does Host: %s', async (host) => {
    expect(statusOf(await ground.send(`GET /ops/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`))).toBe(400);
    expect(ground.arrived()).toEqual([]);
  });

  test('twin: the same target with the credential in its header passes', async () => {
    expect(statusOf(await ground.send(get('/ops/a@b:c', `Authorization: Basic ${ADMIN}`)))).toBe(200);
    expect(ground.arrived().map(({ target }) => target)).toEqual(['/ops/a@b:c']);
  });
});
