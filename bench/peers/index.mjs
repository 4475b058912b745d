/** The contenders besides ours: what each is called, what runs it, and whether it checks tokens. */
import { fileURLToPath } from 'node:url';
import { NODE } from '../lib/contender.mjs';
import { haproxy } from './haproxy.mjs';

const script = (file) => () => ({ command: [NODE, fileURLToPath(new URL(file, import.meta.url))] });

export const BARE = 'bare http-proxy-middleware';
export const BARE_UNDICI = 'bare undici proxy';
export const HAND_WIRED = 'Express + passport-jwt + jwks-rsa + hpm';

/** `run(world, folder)` says the command, or in `missing` why there is none. */
export const peers = [
  { name: 'noop server', run: script('noop.mjs'), checks: false },
  { name: 'hand-written proxy', run: script('hand-written.mjs'), checks: false },
  { name: BARE, run: script('http-proxy-middleware.mjs'), checks: false },
  { name: BARE_UNDICI, run: script('undici.mjs'), checks: false },
  { name: HAND_WIRED, run: script('express-passport.mjs'), checks: true },
  {
    name: 'Express + express-oauth2-jwt-bearer + hpm',
    run: script('express-oauth2-jwt-bearer.mjs'),
    checks: true,
  },
  { name: '@fastify/http-proxy + cached fast-jwt', run: script('fastify-fast-jwt.mjs'), checks: true },
  { name: 'HAProxy jwt_verify', run: haproxy, checks: true },
];
