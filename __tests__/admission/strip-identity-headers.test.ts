import type { IncomingMessage } from 'node:http';
import { contextOf } from '../../src/context/request-context.js';
import { editFields, setField } from '../../src/http/fields.js';
import { createIdentityStripper } from '../../src/admission/strip-identity-headers.js';
import { chunkedPost, drained, getWith, judging, type Judge } from '../support/judge.js';

const strip = createIdentityStripper(['X-User-ID', 'x-USER-email']);

let node: Judge;

beforeAll(async () => {
  node = await judging();
});

afterAll(() => node.close());

/** Everything that any view of a request says, as one text. */
function everyView(req: IncomingMessage): string {
  const { headers, headersDistinct, rawHeaders, trailers, trailersDistinct, rawTrailers } = req;
  return JSON.stringify([headers, headersDistinct, rawHeaders, trailers, trailersDistinct, rawTrailers]);
}

const stripped = (...lines: readonly string[]) =>
  node.ask(getWith(...lines), (req) => {
    strip(contextOf(req));
    return everyView(req);
  });

describe('identity headers that a client sends', () => {
  it.each([
    ['in any case', ['x-user-id: forged', 'X-USER-EMAIL: forged', 'X-User-Id: forged']],
    ['with underscores', ['X_User_ID: forged', 'X-User_ID: forged', 'x_user-id: forged', 'x_user_email: forged']],
    ['with dots and other marks', ['X.User.ID: forged', 'X~User|ID: forged', "x'user!email: forged"]],
    ['several times', ['X-User-ID: forged', 'X-Other: kept', 'X-User-ID: forged', 'X-User-ID: forged2']],
    ['without a value', ['X-User-ID:', 'X_USER_ID:']],
    ['with bytes beyond ASCII', ['X-User-ID: \xe9\xff']],
  ])('go %s, from every view', async (_how, lines) => {
    const view = await stripped('X-First: kept', ...lines, 'X-Last: kept');
    expect(view).not.toMatch(/forged|user/i);
    expect(view.match(/"x-first":/gi)).toHaveLength(2);
    expect(view.match(/"x-last":/gi)).toHaveLength(2);
  });

  it('go whichever view was read before', async () => {
    const view = await node.ask(getWith('X-User-ID: forged', 'X-Other: kept'), (req) => {
      void req.headers;
      void req.headersDistinct;
      strip(contextOf(req));
      return everyView(req);
    });
    expect(view).not.toContain('forged');
    expect(view).toContain('kept');
  });

  it('go where a middleware before us put them', async () => {
    const view = await node.ask(getWith(), (req) => {
      req.headers['X-User-ID'] = 'forged';
      req.headers['x_user_email'] = 'forged';
      req.headers['x-request-id'] = 'kept';
      strip(contextOf(req));
      return everyView(req);
    });
    expect(view).not.toContain('forged');
    expect(view).toContain('kept');
  });

  it.each(['X-User: kept', 'X-User-ID-2: kept', 'XUserID: kept', 'X--User-ID: kept', 'Y-User-ID: kept'])(
    'are not %s',
    async (line) => {
      expect((await stripped(line)).match(/kept/g)).toHaveLength(3);
    },
  );

  it.each(['X-User-ID : forged', 'X-User-ID\t: forged', ' X-User-ID: forged', 'X User ID: forged', ': forged'])(
    'never arrive as %j, which Node refuses',
    async (line) => {
      await expect(stripped('X-First: kept', line)).rejects.toThrow('Parse Error');
      expect(await stripped('X-First: kept')).toContain('kept');
    },
  );

  it('leave the rest as it was, byte for byte and in order', async () => {
    const lines = ['B: 1', 'a: 2', 'B: 3', 'Cookie: x=1', 'Cookie: y=2', 'Set-Cookie: p=1', 'Set-Cookie: q=2'];
    const answer = await node.ask(getWith('X-User-ID: forged', ...lines), (req) => {
      strip(contextOf(req));
      const { rawHeaders, headers, headersDistinct } = req;
      return { rawHeaders: [...rawHeaders], headers, headersDistinct };
    });
    const honest = await node.ask(getWith(...lines), ({ rawHeaders, headers, headersDistinct }) => ({
      rawHeaders,
      headers,
      headersDistinct,
    }));
    expect(answer).toEqual(honest);
  });
});

describe('names that JavaScript knows', () => {
  it('loses __proto__ and survives the others', async () => {
    const view = await stripped('__proto__: polluted', 'constructor: kept', 'hasOwnProperty: kept', 'toString: kept');
    expect(view).not.toContain('polluted');
    expect(view).toContain('kept');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('works where Node throws on a field named __proto__', async () => {
    const distinct = await node.ask(getWith('__proto__: x', 'X-User-ID: forged', 'X-Other: kept'), (req) => {
      const faulty = () => {
        throw new TypeError('dest[field].push is not a function');
      };
      Object.defineProperty(req, 'headersDistinct', { get: faulty, configurable: true });
      strip(contextOf(req));
      return { ...req.headersDistinct };
    });
    expect(distinct).toEqual({ host: ['gw'], 'x-other': ['kept'] });
  });
});

describe('identity trailers', () => {
  const lines = ['Trailer: X-User-ID, X-Sum'];
  const trailers = ['X-User-ID: forged', 'x_user_email: forged', 'X-Sum: kept', 'X-Sum: again'];

  it('never arrive, in any view', async () => {
    const req = await node.ask(chunkedPost(lines, trailers), async (each) => {
      strip(contextOf(each));
      return drained(each);
    });
    expect(req.rawTrailers).toEqual(['X-Sum', 'kept', 'X-Sum', 'again']);
    expect({ ...req.trailers }).toEqual({ 'x-sum': 'kept, again' });
    expect({ ...req.trailersDistinct }).toEqual({ 'x-sum': ['kept', 'again'] });
  });

  it('go as well where the body was read before', async () => {
    const view = await node.ask(chunkedPost(lines, trailers), async (req) => {
      await drained(req);
      expect(everyView(req)).toContain('forged');
      strip(contextOf(req));
      req.trailers = { 'x-user-id': 'forged' };
      req.trailersDistinct = { 'x-user-id': ['forged'] };
      return everyView(req);
    });
    expect(view).not.toContain('forged');
    expect(view).toContain('again');
  });

  it('named __proto__ go as well', async () => {
    const req = await node.ask(chunkedPost([], ['__proto__: x', 'X-Sum: kept']), async (each) => {
      strip(contextOf(each));
      return drained(each);
    });
    expect(req.rawTrailers).toEqual(['X-Sum', 'kept']);
    expect({ ...req.trailers }).toEqual({ 'x-sum': 'kept' });
  });

  it('of every gateway in a row go, whichever strips first', async () => {
    const other = createIdentityStripper(['X-Sum']);
    const view = await node.ask(chunkedPost([], trailers), async (req) => {
      other(contextOf(req));
      strip(contextOf(req));
      strip(contextOf(req));
      return everyView(await drained(req));
    });
    expect(view).not.toMatch(/forged|again/);
    const late = await node.ask(chunkedPost([], trailers), async (req) => {
      strip(contextOf(req));
      await drained(req);
      other(contextOf(req));
      return everyView(req);
    });
    expect(late).not.toMatch(/forged|again/);
  });
});

describe('editing fields', () => {
  it('sets a field once, in place of all that stood there', async () => {
    const req = await node.ask(getWith('x-user-id: a', 'X-USER-ID: b', 'X-Other: kept'), (each) => {
      setField(each, 'X-User-ID', 'alice');
      return each;
    });
    expect(req.rawHeaders).toEqual(['Host', 'gw', 'X-Other', 'kept', 'X-User-ID', 'alice']);
    expect(req.headers).toEqual({ host: 'gw', 'x-other': 'kept', 'x-user-id': 'alice' });
    expect({ ...req.headersDistinct }).toEqual({ host: ['gw'], 'x-other': ['kept'], 'x-user-id': ['alice'] });
  });

  it('sets a field once where a middleware deleted the client’s from headers alone', async () => {
    const raw = await node.ask(getWith('X-User-ID: forged'), (req) => {
      delete req.headers['x-user-id'];
      setField(req, 'X-User-ID', 'alice');
      return req.rawHeaders;
    });
    expect(raw).toEqual(['Host', 'gw', 'X-User-ID', 'alice']);
  });

  it('drops __proto__, whatever the edit says', async () => {
    const raw = await node.ask(getWith('__proto__: x', 'X-Other: kept'), (req) => {
      editFields(req, (_name, value) => value);
      return req.rawHeaders;
    });
    expect(raw).toEqual(['Host', 'gw', 'X-Other', 'kept']);
  });

  it('joins what is left as Node does', async () => {
    const names = ['Cookie', 'X-Many', 'Referer', 'Set-Cookie'];
    const lines = names.flatMap((name) => ['1', 'drop', '2', '3'].map((value) => `${name}: ${value}`));
    const { headers } = await node.ask(getWith(...lines), (req) => {
      editFields(req, (_name, value) => (value === 'drop' ? undefined : value === '3' ? 'three' : value));
      return req;
    });
    expect(headers).toMatchObject({
      cookie: '1; 2; three',
      'x-many': '1, 2, three',
      referer: '1',
      'set-cookie': ['1', '2', 'three'],
    });
  });
});

describe('a Connection field that names identity headers', () => {
  const connection = (...lines: readonly string[]) =>
    node.ask(getWith(...lines), (req) => {
      strip(contextOf(req));
      return [req.headers.connection, req.headersDistinct['connection']];
    });

  it.each([
    [['Connection: X-User-ID'], [undefined, undefined]],
    [['Connection: close, x_user_id,X-USER-EMAIL , X-Hop'], ['close, X-Hop', ['close, X-Hop']]],
    [
      ['Connection: X-User-ID, close', 'Connection: x.user.id'],
      ['close', ['close']],
    ],
    [['Connection: close, X-User'], ['close, X-User', ['close, X-User']]],
  ])('%j no longer does', async (lines, left) => {
    expect(await connection(...lines)).toEqual(left);
  });
});
