import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { contextOf } from '../../src/context/request-context.js';
import type { Place } from '../../src/auth/credentials.js';
import { credentialRemoval, withoutCredentials } from '../../src/admission/strip-credentials.js';
import { prepareForward } from '../../src/admission/forwarded.js';
import { editFields, OwnRequest, setField } from '../../src/http/fields.js';
import { createIdentityStripper } from '../../src/admission/strip-identity-headers.js';
import { getWith, judging, type Judge } from '../support/judge.js';

const strip = createIdentityStripper(['X-User-ID', 'X-Email']);
const PLACES: readonly Place[] = [
  { in: 'header', name: 'x-api-key' },
  { in: 'header', name: 'authorization', scheme: 'bearer' },
  { in: 'cookie', name: 'session' },
  { in: 'query', name: 'key' },
  { in: 'subprotocol', name: 'bearer' },
];

let host: Judge;
let own: Judge;

beforeAll(async () => {
  host = await judging();
  own = await judging({ IncomingMessage: OwnRequest });
});

afterAll(() => Promise.all([host.close(), own.close()]));

/** Every view as plain data, members in one order; what differs between two connections alone is taken out. */
function viewsOf(req: IncomingMessage): unknown {
  const sorted = (view: object) =>
    Object.entries(view)
      .filter(([name]) => name !== 'x-forwarded-port')
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const raw = req.rawHeaders.map((text, at) => (req.rawHeaders[at - 1] === 'X-Forwarded-Port' ? 'port' : text));
  return { raw, headers: sorted(req.headers), distinct: sorted(req.headersDistinct) };
}

/** All that the gateway does to the fields of a request on its way to an upstream. */
function prepared(req: IncomingMessage, inOnePass = true): unknown {
  strip(contextOf(req));
  const withoutCredential = credentialRemoval(req, PLACES, new Set());
  if (!inOnePass) editFields(req, withoutCredential);
  prepareForward(req, { trusted: () => false, ...(inOnePass && { withoutCredential }) });
  setField(req, 'X-User-ID', 'ada');
  setField(req, 'Accept', '*/*');
  return { url: withoutCredentials('/a?key=secret&b=1', PLACES), views: viewsOf(req) };
}

const NAMES = (
  'X-User-ID x_user_id X-Email X-API-Key X_API_Key Authorization Cookie Set-Cookie Referer Connection Keep-Alive ' +
  'Upgrade Accept accept X-Forwarded-For X_Forwarded_For X-Real-IP Sec-WebSocket-Protocol User-Agent X-Plain ' +
  '__proto__ constructor Age TE'
).split(' ');
const VALUES = ['', 'a', 'Bearer t', 'session=s; b=1', 'b=1', 'X-User-ID, close', 'http://gw/?key=s', 'bearer, t', 'é'];

const line = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES))
  .map(([name, value]) => `${name}: ${Buffer.from(value).toString('latin1')}`);

describe('a request of our own server', () => {
  it('says in every view what that of a host would, whatever was edited', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
        const bytes = getWith(...lines);
        expect(await own.ask(bytes, (req) => prepared(req))).toEqual(await host.ask(bytes, (req) => prepared(req)));
      }),
      { numRuns: fc.readConfigureGlobal()?.numRuns ?? 300 },
    );
  });

  it('loses its credentials and what ends at this hop in one pass as in two', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
        const bytes = getWith(...lines);
        expect(await own.ask(bytes, (req) => prepared(req))).toEqual(
          await own.ask(bytes, (req) => prepared(req, false)),
        );
      }),
      { numRuns: fc.readConfigureGlobal()?.numRuns ?? 300 },
    );
  });

  it('has a distinct view of what its fields are now', async () => {
    const views = await own.ask(getWith('X-One: 1', 'X-Two: 2', 'x-one: 3'), (req) => {
      editFields(req, (name, value) => (name === 'x-two' ? undefined : value));
      setField(req, 'X-Three', '4');
      return { ...req.headersDistinct };
    });
    expect(views).toEqual({ host: ['gw'], 'x-one': ['1', '3'], 'x-three': ['4'] });
  });

  it('removes credentials also from header objects that the host read before', async () => {
    const kept = await host.ask(getWith('X-API-Key: secret'), (req) => {
      const { headers, rawHeaders } = req;
      editFields(req, credentialRemoval(req, PLACES, new Set()));
      return JSON.stringify([headers, rawHeaders]);
    });
    expect(kept).not.toContain('secret');
  });
});
