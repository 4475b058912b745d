/** A client's own X-User-ID never reaches a handler of the host, in any view that Node gives of a request. */
import { HOSTS, type Application, type Host } from '../support/hosts.js';
import { loom, type Loom } from '../../src/loom.js';
import { askBytes } from '../support/ask.js';
import { quietLog } from '../support/quiet-log.js';
import { secretToken } from '../support/token-issuer.js';

const SECRET = 'a secret of thirty-two bytes or so';
const FORGED = 'forged-root';
const FILE = `
middleware:
  auth:
    jwt: { algorithm: HS256, secret: "${SECRET}", claims_to_headers: { sub: X-User-ID } }
routes:
  - { id: token, path: /token, auth: { jwt: true } }
  - { id: open, path: /open, auth: none }
`;

/** Reports everything that it can read from a request, once its body and trailers have arrived. */
const handler: Application['handler'] = (req, res) => {
  req.on('end', () => {
    const { headers, headersDistinct, rawHeaders, trailers, trailersDistinct, rawTrailers } = req;
    const views = { headers, headersDistinct, rawHeaders, trailers, trailersDistinct, rawTrailers };
    res.setHeader('Connection', 'close').end(JSON.stringify(views));
  });
  req.resume();
};

interface Views {
  readonly headers: Record<string, string>;
  readonly headersDistinct: Record<string, string[]>;
  readonly rawHeaders: string[];
  readonly trailers: Record<string, string>;
}

describe.each(HOSTS)('$name', ({ start }) => {
  let gate: Loom;
  let host: Host;
  beforeAll(async () => {
    gate = loom({ text: FILE, file: 'loom.yaml' }, { log: quietLog() });
    host = await start({ gate, handler });
  });
  afterAll(async () => {
    await host.close();
    await gate.close();
  });

  /** A body in chunks, with fields before it and trailers after it. */
  async function post(path: string, fields: readonly string[], trailers: readonly string[]): Promise<Views> {
    const head = [`POST ${path} HTTP/1.1`, 'Host: gw', 'Transfer-Encoding: chunked', ...fields, '', ''].join('\r\n');
    const answer = await askBytes(host.port, `${head}5\r\nhello\r\n0\r\n${[...trailers, '', ''].join('\r\n')}`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).not.toContain(FORGED);
    return JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as Views;
  }

  test.each(['X-User-ID', 'x-user-id', 'x_user_id', 'X.User.ID', 'X_USER-ID', 'X~User~ID'])('%s', async (name) => {
    const lines = [`${name}: ${FORGED}`, `${name}: ${FORGED}`];
    const connection = `Connection: ${name}`;
    for (const fields of [lines, [connection, ...lines]]) {
      const open = await post('/open', fields, lines);
      expect(open.headers['x-user-id']).toBeUndefined();
      const known = await post('/token', [...fields, `Authorization: Bearer ${await secretToken(SECRET)}`], lines);
      expect(known.headers['x-user-id']).toBe('ada');
      expect(known.headersDistinct['x-user-id']).toEqual(['ada']);
      expect(known.rawHeaders.filter((each) => each === 'ada')).toHaveLength(1);
    }
  });

  test('a trailer that is not an identity header arrives', async () => {
    const { trailers } = await post('/open', [], ['X-Checksum: abc', `X-User-ID: ${FORGED}`]);
    expect(trailers).toEqual({ 'x-checksum': 'abc' });
  });
});
