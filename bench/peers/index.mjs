/** The contenders besides ours: what each is called, what runs it, and whether it checks tokens. */
import { fileURLToPath } from 'node:url';
import { NODE } from '../lib/contender.mjs';
import { envoy } from './envoy.mjs';
import { haproxy } from './haproxy.mjs';

const script = (file) => () => ({ command: [NODE, fileURLToPath(new URL(file, import.meta.url))] });

export const BARE = 'bare http-proxy-middleware';
export const BARE_UNDICI = 'bare undici proxy';
export const FAST_JWT = '@fastify/http-proxy + cached fast-jwt';
export const HAPROXY = 'HAProxy jwt_verify';
export const NOOP = 'noop server';
export const HAND_WIRED = 'Express + passport-jwt + jwks-rsa + hpm';

/** `run(world, folder)` says the command, or in `missing` why there is none. */
export const peers = [
  { name: NOOP, run: script('noop.mjs'), checks: false },
  { name: 'hand-written proxy', run: script('hand-written.mjs'), checks: false },
  { name: BARE, run: script('http-proxy-middleware.mjs'), checks: false },
  { name: BARE_UNDICI, run: script('undici.mjs'), checks: false },
  { name: HAND_WIRED, run: script('express-passport.mjs'), checks: true },
  {
    name: 'Express + express-oauth2-jwt-bearer + hpm',
    run: script('express-oauth2-jwt-bearer.mjs'),
    checks: true,
  },
  { name: FAST_JWT, run: script('fastify-fast-jwt.mjs'), checks: true },
  { name: HAPROXY, run: haproxy, checks: true },
  { name: 'Envoy jwt_authn', run: envoy, checks: true },
];

export const BARE_EXPRESS = 'Express, local handler';

/** Express with a local handler: what a middleware adds to it. `KIND` is read by `local.mjs`. */
export const LOCAL_PEERS = [
  { name: BARE_EXPRESS, KIND: 'bare', checks: false },
  { name: 'Express + express-oauth2-jwt-bearer, local', KIND: 'oauth2', checks: true },
  { name: 'Express + passport-jwt + jwks-rsa, local', KIND: 'passport', checks: true },
];

export const LOCAL = fileURLToPath(new URL('local.mjs', import.meta.url));
