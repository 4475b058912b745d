/** The hand-wired stack: Express, passport-jwt with keys by jwks-rsa, identity headers, http-proxy-middleware. */
import { Agent } from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import jwksRsa from 'jwks-rsa';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';

const { PORT, UPSTREAM, ISSUER, AUDIENCE, JWKS_URL } = process.env;

passport.use(
  new Strategy(
    {
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKeyProvider: jwksRsa.passportJwtSecret({ cache: true, jwksUri: JWKS_URL }),
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: ['RS256'],
    },
    (claims, done) => done(null, claims),
  ),
);

const app = express();
app.disable('x-powered-by');
app.use(passport.authenticate('jwt', { session: false }));
app.use((req, _res, next) => {
  req.headers['x-user-id'] = req.user.sub;
  next();
});
app.use(createProxyMiddleware({ target: UPSTREAM, agent: new Agent({ keepAlive: true }) }));
app.listen(Number(PORT), '127.0.0.1');
