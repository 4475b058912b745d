/** Express with Auth0's express-oauth2-jwt-bearer, identity headers, http-proxy-middleware. */
import { Agent } from 'node:http';
import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { createProxyMiddleware } from 'http-proxy-middleware';

const { PORT, UPSTREAM, ISSUER, AUDIENCE, JWKS_URL } = process.env;

const app = express();
app.disable('x-powered-by');
app.use(auth({ issuer: ISSUER, jwksUri: JWKS_URL, audience: AUDIENCE, tokenSigningAlg: 'RS256' }));
app.use((req, _res, next) => {
  req.headers['x-user-id'] = req.auth.payload.sub;
  next();
});
app.use(createProxyMiddleware({ target: UPSTREAM, agent: new Agent({ keepAlive: true }) }));
// Its refusals are errors; Express would print each with its stack.
// eslint-disable-next-line no-unused-vars
app.use((error, _req, res, _next) => res.status(error.statusCode ?? error.status ?? 500).end());
app.listen(Number(PORT), '127.0.0.1');
