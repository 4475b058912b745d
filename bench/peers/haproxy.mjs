/** HAProxy with `jwt_verify`: what a proxy in C pays for the same check. Its configuration is written here. */
import { createPublicKey } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The command that runs it, or why there is none. `world` is what the other peers have in their environment. */
export async function haproxy(world, folder) {
  const { keys } = await (await fetch(world.JWKS_URL)).json();
  const pem = join(folder, 'issuer.pem');
  writeFileSync(pem, createPublicKey({ key: keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' }));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration(world, pem));
  const check = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' });
  if (check.error) return { missing: 'haproxy is not installed' };
  if (check.status !== 0) return { missing: `haproxy refuses the file (older than 2.5?): ${check.stderr.trim()}` };
  return { command: ['haproxy', '-db', '-f', file] };
}

function configuration({ PORT, UPSTREAM, ISSUER, AUDIENCE }, pem) {
  return `
global
  nbthread 1
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend main
  bind 127.0.0.1:${PORT}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
  http-request deny deny_status 401 unless { var(txn.iss) -m str ${ISSUER} }
  http-request deny deny_status 401 unless { var(txn.aud) -m str ${AUDIENCE} }
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"${pem}") 1 }
  http-request set-header X-User-ID %[var(txn.bearer),jwt_payload_query('$.sub')]
  default_backend backend
backend backend
  http-reuse always
  server one ${new URL(UPSTREAM).host}
`;
}
