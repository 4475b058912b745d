import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { Strategy as CustomStrategy } from 'passport-custom';
import { attemptOf } from '../../src/auth/combine.js';
import { compileRequirement } from '../../src/auth/compile.js';
import type { Strategies } from '../../src/auth/host-strategy.js';
import { MethodsInUse } from '../../src/auth/methods-in-use.js';
import { methods as registry } from '../../src/auth/methods.js';
import type { Requirement } from '../../src/auth/requirement.js';
import type { Verdict } from '../../src/auth/verdict.js';
import type { NonEmpty } from '../../src/lib/types.js';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The request as Node's own parser makes it of these header lines. */
async function received(...lines: string[]): Promise<IncomingMessage> {
  const server = createServer((request, response) => {
    server.emit('seen', request);
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.end(['GET /x HTTP/1.1', 'Host: gw', 'Connection: close', ...lines, '', ''].join('\r\n'));
  const [request] = (await once(server, 'seen')) as [IncomingMessage];
  socket.resume();
  await once(socket, 'close');
  server.close();
  return request;
}

function inUse(strategies: Strategies): MethodsInUse {
  const apiKey = registry.find((each) => each.name === 'api_key')?.load();
  const options = apiKey?.options.parse({ keys: [{ key: 'sk_good_1', name: 'production' }] });
  const hosts = Object.keys(strategies).map((name) => ({ name, type: 'strategy', options: undefined }));
  return new MethodsInUse([{ name: 'api_key', type: 'api_key', options }, ...hosts], strategies, {
    now: Date.now,
    log,
  });
}

const method = (name: string): Requirement => ({ kind: 'method', name });

async function judge(methods: MethodsInUse, requirement: Requirement, ...lines: string[]): Promise<Verdict> {
  const request = await received(...lines);
  return compileRequirement(requirement, methods.compiled)(attemptOf(request));
}

/** A real third-party strategy that accepts one session header. */
const session = new CustomStrategy((request, done) => {
  const value = request.headers['x-session'];
  if (value === 'broken') done(new Error('store down'));
  else if (value === 'nobody') done(null, {});
  else done(null, value === 'alice' ? { id: 'alice' } : false);
});

describe('methods in use', () => {
  it('grants a right API key and rejects a wrong one', async () => {
    const methods = inUse({});
    expect(await judge(methods, method('api_key'), 'X-API-Key: sk_good_1')).toMatchObject({
      kind: 'granted',
      identities: [{ method: 'api_key', subject: 'production' }],
    });
    expect(await judge(methods, method('api_key'), 'X-API-Key: sk_bad')).toMatchObject({
      kind: 'rejected',
      status: 401,
    });
    expect(await judge(methods, method('api_key'))).toMatchObject({ kind: 'absent' });
    expect(await judge(methods, method('api_key'), 'X-API-Key: sk_good_1', 'X-API-Key: sk_good_1')).toMatchObject({
      kind: 'rejected',
      status: 400,
    });
    await methods.close();
  });

  it('reads the verbs of a host strategy as verdicts', async () => {
    const methods = inUse({ session });
    const kindOf = async (...lines: string[]) => judge(methods, method('session'), ...lines);
    expect(await kindOf('X-Session: alice')).toMatchObject({
      kind: 'granted',
      identities: [{ method: 'session', subject: 'alice' }],
    });
    expect(await kindOf('X-Session: mallory')).toMatchObject({ kind: 'rejected', status: 401 });
    expect(await kindOf('X-Session: nobody')).toMatchObject({ kind: 'rejected', reason: 'subject_missing' });
    expect(await kindOf('X-Session: broken')).toMatchObject({ kind: 'unavailable' });
    await methods.close();
  });

  it('asks a host strategy only for what it is offered, where the host says so', async () => {
    const methods = inUse({ session: { strategy: session, offered: (request) => 'x-session' in request.headers } });
    expect(await judge(methods, method('session'))).toMatchObject({ kind: 'absent' });
    expect(await judge(methods, method('session'), 'X-Session: alice')).toMatchObject({ kind: 'granted' });
    await methods.close();
  });

  it('tries the next method of an any, and needs every method of an all', async () => {
    const methods = inUse({ session });
    const both = [method('session'), method('api_key')] as unknown as NonEmpty<Requirement>;
    const good = ['X-Session: alice', 'X-API-Key: sk_good_1'];
    expect(await judge(methods, { kind: 'any', of: both }, 'X-Session: no', 'X-API-Key: sk_good_1')).toMatchObject({
      kind: 'granted',
      identities: [{ method: 'api_key' }],
    });
    expect(await judge(methods, { kind: 'all', of: both }, ...good)).toMatchObject({
      kind: 'granted',
      identities: [{ method: 'session' }, { method: 'api_key' }],
    });
    expect(await judge(methods, { kind: 'all', of: both }, 'X-Session: alice')).toMatchObject({ kind: 'absent' });
    await methods.close();
  });

  it('on an optional route rejects a wrong credential, and grants a request without a credential', async () => {
    const methods = inUse({});
    const optional: Requirement = { kind: 'optional', of: method('api_key') };
    expect(await judge(methods, optional)).toEqual({ kind: 'granted', identities: [] });
    expect(await judge(methods, optional, 'X-API-Key: wrong')).toMatchObject({ kind: 'rejected' });
    expect(await judge(methods, optional, 'X-API-Key: sk_good_1')).toMatchObject({
      identities: [{ subject: 'production' }],
    });
    await methods.close();
  });

  it('narrows a method to named keys: 403 for the others', async () => {
    const methods = inUse({});
    const narrowed = (name: string): Requirement => ({ kind: 'method', name: 'api_key', narrow: { names: [name] } });
    expect(await judge(methods, narrowed('production'), 'X-API-Key: sk_good_1')).toMatchObject({ kind: 'granted' });
    expect(await judge(methods, narrowed('other'), 'X-API-Key: sk_good_1')).toMatchObject({
      kind: 'rejected',
      status: 403,
    });
    await methods.close();
  });
});
