/** The fastest stack on Node that one would wire: @fastify/http-proxy (undici) behind fast-jwt with its cache. */
import { createPublicKey } from 'node:crypto';
import proxy from '@fastify/http-proxy';
import { createVerifier } from 'fast-jwt';
import Fastify from 'fastify';

const { PORT, UPSTREAM, ISSUER, AUDIENCE, JWKS_URL } = process.env;

const { keys } = await (await fetch(JWKS_URL)).json();
const verify = createVerifier({
  key: createPublicKey({ key: keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' }),
  algorithms: ['RS256'],
  allowedIss: ISSUER,
  allowedAud: AUDIENCE,
  cache: true,
});

const app = Fastify();
await app.register(proxy, {
  upstream: UPSTREAM,
  preHandler: (request, reply, next) => {
    try {
      const claims = verify((request.headers.authorization ?? '').replace(/^Bearer /, ''));
      request.headers['x-user-id'] = claims.sub;
      next();
    } catch {
      reply.code(401).send();
    }
  },
});
await app.listen({ port: Number(PORT), host: '127.0.0.1' });
