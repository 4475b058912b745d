/** Two methods that share a place: what the first could not judge, the second is not offered, in any kind of place. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { any, attemptOf, type Authenticator } from '../../src/auth/combine.js';
import { readOffer, type Place } from '../../src/auth/credentials.js';
import { UnavailableError } from '../../src/auth/outcome.js';
import { fromOurs, type PassportStrategy } from '../../src/auth/strategy-runner.js';

interface Verbs {
  error(cause: Error): void;
  success(user: object): void;
}

const challenge = { scheme: 'Bearer', params: {} };

/** A method that is out of order, at once or later. */
function broken(places: readonly Place[], later: boolean): Authenticator {
  const strategy: PassportStrategy = {
    authenticate(this: Verbs): void {
      const cause = new UnavailableError({
        kind: 'unavailable',
        reason: 'key_set_unavailable',
        cause: new Error('down'),
      });
      if (later) setImmediate(() => this.error(cause));
      else this.error(cause);
    },
  };
  return fromOurs(strategy, { places, challenge });
}

/** A method that takes whatever is offered in its places. */
function trusting(places: readonly Place[]): Authenticator {
  const strategy: PassportStrategy = {
    authenticate(this: Verbs, request: IncomingMessage): void {
      const offer = readOffer(request, places);
      if (offer.kind === 'one') this.success({ method: 'trusting', subject: 'x', scopes: [], claims: {} });
      else
        this.error(
          new UnavailableError({ kind: 'unavailable', reason: 'credential_missing', cause: new Error('none') }),
        );
    },
  };
  return fromOurs(strategy, { places, challenge });
}

function requestOf(url: string, ...rawHeaders: string[]): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { url, rawHeaders });
  return request;
}

const BEARER: Place = { in: 'header', name: 'authorization', scheme: 'bearer' };
const BARE: Place = { in: 'header', name: 'authorization' };
const HEADER: Place = { in: 'header', name: 'x-api-key' };
const QUERY: Place = { in: 'query', name: 'access_token' };
const COOKIE: Place = { in: 'cookie', name: 'session' };
const PROTOCOL: Place = { in: 'subprotocol', name: 'bearer' };

describe.each([false, true])('an outage that shows later: %s', (later) => {
  test.each<[string, readonly Place[], readonly Place[], IncomingMessage]>([
    ['one scheme', [BEARER], [BEARER], requestOf('/', 'Authorization', 'Bearer t')],
    ['a scheme, then none', [BEARER], [BARE], requestOf('/', 'Authorization', 'Bearer t')],
    ['no scheme, then one', [BARE], [BEARER], requestOf('/', 'Authorization', 'Bearer t')],
    ['a header', [HEADER], [HEADER], requestOf('/', 'X-API-Key', 't')],
    ['a query parameter', [QUERY], [QUERY], requestOf('/?access_token=t%2B')],
    ['a cookie', [COOKIE], [COOKIE], requestOf('/', 'Cookie', 'a=b; session=t')],
    ['a subprotocol', [PROTOCOL], [PROTOCOL], requestOf('/', 'Sec-WebSocket-Protocol', 'chat, bearer, t')],
    ['one of several places', [BEARER, COOKIE], [HEADER, COOKIE], requestOf('/', 'Cookie', 'session=t')],
    ['the same value elsewhere', [BEARER], [QUERY], requestOf('/?access_token=t', 'Authorization', 'Bearer t')],
    [
      'two places of the first that are both used',
      [BEARER, COOKIE],
      [COOKIE],
      requestOf('/', 'Authorization', 'Bearer t', 'Cookie', 'session=u'),
    ],
    ['no place of the first that is known: Authorization', [], [BEARER], requestOf('/', 'Authorization', 'Bearer t')],
    ['no place of the first that is known: a cookie', [], [COOKIE], requestOf('/', 'Cookie', 'session=t')],
  ])('%s: undecided', async (_what, first, second, request) => {
    expect(await trusting(second)(attemptOf(request))).toMatchObject({ kind: 'granted' });
    const between: Authenticator = () => ({ kind: 'absent', challenges: [] });
    expect(await any([broken(first, later), trusting(second)])(attemptOf(request))).toMatchObject({
      kind: 'unavailable',
      reason: 'key_set_unavailable',
    });
    const last = await any([broken(first, later), between, trusting(second)])(attemptOf(request));
    expect(last.kind).toBe('unavailable');
  });

  test.each<[string, readonly Place[], readonly Place[], IncomingMessage]>([
    ['another header', [BEARER], [HEADER], requestOf('/', 'Authorization', 'Bearer t', 'X-API-Key', 'u')],
    ['another parameter', [{ in: 'query', name: 'key' }], [QUERY], requestOf('/?key=t&access_token=u')],
    ['another cookie', [{ in: 'cookie', name: 'sid' }], [COOKIE], requestOf('/', 'Cookie', 'sid=t; session=u')],
    ['nothing for the first', [BEARER], [HEADER], requestOf('/', 'X-API-Key', 'u')],
    [
      'a value that only begins alike',
      [BEARER],
      [HEADER],
      requestOf('/', 'Authorization', 'Bearer t', 'X-API-Key', 'tt'),
    ],
    [
      'no place of the first, and another header',
      [],
      [HEADER],
      requestOf('/', 'Authorization', 'A t', 'X-API-Key', 'u'),
    ],
  ])('twin: %s grants', async (_what, first, second, request) => {
    expect(await any([broken(first, later), trusting(second)])(attemptOf(request))).toMatchObject({ kind: 'granted' });
  });
});
