/** Express with a local handler and no forwarding: alone, behind Loom, and behind two other middlewares. */
import express from 'express';
import jwksRsa from 'jwks-rsa';
import passport from 'passport';
import { auth } from 'express-oauth2-jwt-bearer';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { localFile } from '../lib/gateway-file.mjs';

const { PORT, KIND, ISSUER, AUDIENCE, JWKS_URL } = process.env;

const app = express();
app.disable('x-powered-by');
for (const each of await middlewares()) app.use(each);
app.get(['/internal/x', '/keys/x'], (_req, res) => res.end('{"hello":"from the handler"}'));
// eslint-disable-next-line no-unused-vars
app.use((error, _req, res, _next) => res.status(error.statusCode ?? error.status ?? 500).end());
app.listen(Number(PORT), '127.0.0.1');

async function middlewares() {
  const issuer = { origin: ISSUER, audience: AUDIENCE, jwksUrl: JWKS_URL };
  switch (KIND) {
    case 'loom': {
      const { loom } = await import(
        new URL('index.js', new URL(process.env.BENCH_DIST ?? '../../dist/', import.meta.url))
      );
      const gate = loom({ text: localFile({ issuer }), file: 'bench.yaml' });
      await gate.ready;
      return [gate];
    }
    case 'oauth2':
      return [auth({ issuer: ISSUER, jwksUri: JWKS_URL, audience: AUDIENCE, tokenSigningAlg: 'RS256' })];
    case 'passport':
      passport.use(strategy());
      return [passport.authenticate('jwt', { session: false })];
    default:
      return [];
  }
}

function strategy() {
  const rules = {
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    secretOrKeyProvider: jwksRsa.passportJwtSecret({ cache: true, jwksUri: JWKS_URL }),
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: ['RS256'],
  };
  return new Strategy(rules, (claims, done) => done(null, claims));
}
