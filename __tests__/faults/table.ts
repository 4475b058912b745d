/** A gateway with failing servers. Each fault has its own issuer, plugin authority and upstream. */
import { readFileSync } from 'node:fs';
import { get, openGround, type Ground } from '../support/attack-ground.js';
import { statusOf } from '../support/ask.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { FAULTS, FaultyServer, type Fault, type FaultyServerOptions } from '../support/faulty-server.js';
import { jwkOf, K1, K2, tokenOf } from '../support/key-sets.js';
import { AT, callback, i32, made, PAUSE, type Kit } from '../support/wat-plugin.js';
import { moduleFile } from '../attacks/wsm/plugin-ground.js';

export const PLACES = ['JWKS', 'discovery', 'introspection', 'plugin', 'upstream'] as const;
export type Place = (typeof PLACES)[number];

export interface Outcome {
  readonly status: number;
  readonly ms: number;
}

export interface World {
  readonly ground: Ground;
  server(place: Place, fault: Fault): FaultyServer;
  /** One request that needs the server. `fresh`: with a new signing key, or a new token. */
  ask(place: Place, fault: Fault, fresh?: boolean): Promise<Outcome>;
  close(): Promise<void>;
}

const key = (fault: Fault): string => fault.replace(/\W/g, '_');

const slot = (token: string): string => `(i32.add (i32.const 30000) (i32.mul ${token} (i32.const 4)))`;

/**
 * Passes if its authority answers 200, otherwise responds with 503. The root context receives the response and finds
 * its request by its token.
 */
const asking = (fault: Fault) => (kit: Kit) => ({
  onRequest: `(drop ${kit.call(`authority-${key(fault)}`, { timeoutMs: 1_000 })})
    (i32.store ${slot(`(i32.load ${i32(AT.extra)})`)} (local.get 0)) ${PAUSE}`,
  body: callback(
    'proxy_on_http_call_response',
    5,
    `${kit.header(':status', 6)} ${kit.do('proxy_set_effective_context', `(i32.load ${slot('(local.get 1)')})`)}
     (if (i32.eqz (i32.load ${i32(AT.size)})) (then ${kit.respond(503)} (return)))
     (if (i32.ne (i32.load8_u (i32.load ${i32(AT.pointer)})) ${i32(0x32)}) (then ${kit.respond(503)} (return)))
     ${kit.set('X-Authenticated-User', 'carol')} ${kit.do('proxy_continue_stream', i32(0))}`,
    false,
  ),
});

export async function openWorld(): Promise<World> {
  const certificates = await makeCertificates();
  const servers = new Map<string, FaultyServer>();
  for (const place of PLACES) {
    // One server introspects all tokens. It fails in each way in turn.
    for (const fault of place === 'introspection' ? FAULTS.slice(0, 1) : FAULTS) {
      servers.set(`${place} ${fault}`, await FaultyServer.start(honest(place, certificates)));
    }
  }
  const server = (place: Place, fault: Fault): FaultyServer => {
    const found = servers.get(`${place} ${place === 'introspection' ? FAULTS[0] : fault}`);
    if (!found) throw new TypeError(`${place} ${fault}`);
    return found;
  };
  for (const place of ['JWKS', 'discovery', 'plugin', 'upstream'] as const)
    for (const fault of FAULTS) await server(place, fault).fail(fault);
  const plugins = await Promise.all(
    FAULTS.map(async (fault) => [fault, moduleFile(await made(asking(fault)))] as const),
  );
  const ground = await openGround(fileOf({ server, plugins: new Map(plugins), certificates }));
  let serial = 0;
  const ask: World['ask'] = async (place, fault, fresh = false) => {
    const start = performance.now();
    const lines = credentialOf(place, { origin: server(place, fault).origin, serial: ++serial, fresh });
    const answer = await ground.send(get(`/${place}/${key(fault)}`, ...lines));
    return { status: statusOf(answer), ms: performance.now() - start };
  };
  const close = async (): Promise<void> => {
    await Promise.all([...servers.values()].map((each) => each.close()));
    await certificates.remove();
  };
  return { ground, server, ask, close };
}

function credentialOf(
  place: Place,
  { origin, serial, fresh }: { origin: string; serial: number; fresh: boolean },
): string[] {
  const iss = place === 'JWKS' ? `${origin}/issuer` : origin;
  if (place === 'introspection') return [`Authorization: Bearer ${fresh ? `opaque-${serial}` : 'opaque'}`];
  if (place === 'plugin' || place === 'upstream') return [];
  const token = fresh ? tokenOf(iss, K2, 'k2') : tokenOf(iss, K1, 'k1', { jti: String(serial) });
  return [`Authorization: Bearer ${token}`];
}

function honest(place: Place, { server, selfSigned }: Certificates): FaultyServerOptions {
  const read = ({ cert, key: own }: { cert: string; key: string }) => ({
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(own, 'utf8'),
  });
  const identities = { trusted: read(server), untrusted: read(selfSigned) };
  const where = place === 'plugin' || place === 'upstream' ? 'wire' : 'body';
  // A key that was added while the issuer is away. It is published after the first request for keys.
  let asked = 0;
  return {
    ...identities,
    where,
    answer: ({ url = '', headers }, body, response) => {
      const origin = `https://${headers.host ?? ''}`;
      const document = url.includes('well-known');
      const keys = asked++ < (place === 'discovery' ? 2 : 1) ? [jwkOf(K1, 'k1')] : [jwkOf(K1, 'k1'), jwkOf(K2, 'k2')];
      const value = document
        ? { issuer: origin, jwks_uri: `${origin}/jwks` }
        : place === 'introspection'
          ? { active: body.includes('opaque'), sub: 'ada' }
          : { keys };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    },
  };
}

interface Parts {
  readonly server: World['server'];
  readonly plugins: ReadonlyMap<Fault, string>;
  readonly certificates: Certificates;
}

function fileOf({ server, plugins, certificates }: Parts) {
  const lines = <T>(each: (fault: Fault) => T): string => FAULTS.map(each).join('\n');
  const issuers = FAULTS.flatMap((fault) => {
    const jwks = server('JWKS', fault).origin;
    return [
      `{ issuer: "${jwks}/issuer", jwks_url: "${jwks}/jwks" }`,
      `{ issuer: "${server('discovery', fault).origin}" }`,
    ];
  });
  const route = (place: Place, fault: Fault, auth: string, upstream = 'backend'): string =>
    `  - { id: "${place}-${key(fault)}", path: /${place}/${key(fault)}, upstream: ${upstream}, timeout: 1s, auth: ${auth} }`;
  const upstream = (name: string, origin: string): string =>
    `  - { name: ${name}, endpoints: ["${origin}"], tls: { enabled: true, ca_file: "${certificates.ca}" } }`;
  return {
    replaceAuth: true,
    auth: `
    jwt: { issuers: [${issuers.join(', ')}] }
    oauth: { introspection_url: "${server('introspection', 'hung').origin}/introspect", client_id: loom, client_secret: secret-of-the-client, timeout: 1s }`,
    replaceRoutes: true,
    routes: `\n${lines((fault) =>
      [
        route('JWKS', fault, '{ jwt: true }'),
        route('discovery', fault, '{ jwt: true }'),
        route('introspection', fault, '{ oauth: true }'),
        route('plugin', fault, `{ plugin-${key(fault)}: true }`),
        route('upstream', fault, 'none', `upstream-${key(fault)}`),
      ].join('\n'),
    )}`,
    upstreams: lines((fault) =>
      [
        upstream(`authority-${key(fault)}`, server('plugin', fault).origin),
        upstream(`upstream-${key(fault)}`, server('upstream', fault).origin),
      ].join('\n'),
    ),
    top: `plugins:\n${lines(
      (fault) =>
        `  - { name: plugin-${key(fault)}, path: "${plugins.get(fault) ?? ''}", isolation: inline, timeout: 5s, pause_timeout: 3s, upstreams: [authority-${key(fault)}] }`,
    )}`,
    env: { NODE_EXTRA_CA_CERTS: certificates.ca },
  };
}
