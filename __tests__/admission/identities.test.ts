import type { IncomingMessage } from 'node:http';
import { contextOf } from '../../src/context/request-context.js';
import type { Identity } from '../../src/auth/identity.js';
import { identitiesOf, setIdentities } from '../../src/admission/identities.js';

/** What the gateway does with the identities of a judged request. */
function share(req: IncomingMessage, identities: readonly Identity[]): void {
  const context = contextOf(req);
  context.identities = identities;
  setIdentities(context);
}

const request = (): IncomingMessage => ({}) as IncomingMessage;
const identity = (claims: Record<string, unknown>): Identity => ({ method: 'm', subject: 's', scopes: ['a'], claims });

test('each request has a copy of its own, down to lists within claims', () => {
  const kept = identity({ sans: ['DNS:a'], deep: { list: [1] }, nothing: null });
  const [first, second] = [request(), request()];
  share(first, [kept]);
  (first.auth?.claims['sans'] as string[]).push('DNS:admin');
  (first.auth?.claims['deep'] as { list: number[] }).list.push(2);
  share(second, [kept]);
  expect(second.auth).toEqual(identity({ sans: ['DNS:a'], deep: { list: [1] }, nothing: null }));
  expect(identitiesOf(first)).toEqual([first.auth]);
});

test('a user that leads back to itself is no endless road, and one with a class stays what it is', () => {
  const cyclic: Record<string, unknown> = { name: 'a' };
  cyclic['self'] = cyclic;
  const user = Object.assign(new Date(0), { id: 7 });
  const req = request();
  share(req, [identity(cyclic), identity(user as unknown as Record<string, unknown>)]);
  expect(req.auth?.claims['name']).toBe('a');
  expect(req.auth?.claims['self']).toBe(req.auth?.claims);
  expect(req.auth?.claims).not.toBe(cyclic);
  expect(identitiesOf(req)[1]?.claims).toBe(user);
});

test('auth is null without an identity, and a user that the host has set stays', () => {
  const req = Object.assign(request(), { user: 'of the session', auth: identity({}) });
  share(req, []);
  expect(req.auth).toBeNull();
  expect(req.user).toBe('of the session');
  expect(identitiesOf(request())).toEqual([]);
});
