/** Attacks with raw bytes: the response, and what arrives at the upstream. */
import { statusOf } from './ask.js';
import { get, type Ground, type GroundOptions } from './attack-ground.js';

/** The status, then the targets that arrived. */
export async function tried(ground: Ground, target: string, ...lines: readonly string[]): Promise<(number | string)[]> {
  const status = statusOf(await ground.send(get(target, ...lines)));
  return [status, ...ground.arrived().map((message) => message.target)];
}

/** Broad open routes to the guarded upstream: a path that no narrow route matches is open. */
export const WIDE: GroundOptions = {
  routes: `
  - { id: rest, path: /*, upstream: backend, auth: none, allow_encoded_slash: true }
  - { id: handbook, path: /internal/docs/*, upstream: backend, auth: none }
  - { id: exact, path: /exact, upstream: backend, auth: { jwt: true } }`,
};

/** The route tables for path tests. */
export const TABLES: readonly (readonly [name: string, options: GroundOptions])[] = [
  ['routes beside each other', { routes: '  - { id: exact, path: /exact, upstream: backend, auth: { jwt: true } }' }],
  ['an open catch-all', WIDE],
];

export const bearerLine = async ({ issuer }: Ground): Promise<string> =>
  `Authorization: Bearer ${await issuer.token()}`;
