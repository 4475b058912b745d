/** A small OAuth issuer, only for the demo: discovery, key set, token and introspection endpoints. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { constantTimeEqual } from '../lib/digest.js';
import { listenOn } from './ports.js';
import { DemoTokens, type TokenClaims } from './tokens.js';

/** A client of the issuer: its allowed scopes, and the kind of its token. */
export interface DemoClient {
  readonly id: string;
  readonly secret: string;
  readonly tokens: 'jwt' | 'opaque';
  readonly scope: string;
}

export interface IssuerOptions {
  readonly clients: readonly DemoClient[];
  /** The client that may introspect: the gateway. */
  readonly introspector: { readonly id: string; readonly secret: string };
  readonly audience: string;
}

export interface Issuer {
  readonly url: string;
  readonly tokens: DemoTokens;
  close(): Promise<void>;
}

const FORM_LIMIT = 16_384;
const TOKEN_SECONDS = 3_600;

/** Listens on a free loopback port. */
export async function startIssuer(options: IssuerOptions): Promise<Issuer> {
  const server = createServer();
  const port = await listenOn(server, 0);
  const url = `http://127.0.0.1:${port}`;
  const tokens = new DemoTokens({ issuer: url, audience: options.audience });
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    answer(req, { options, url, tokens }).then(
      (reply) => send(res, reply),
      () => send(res, { status: 400, body: { error: 'invalid_request' } }),
    );
  });
  return { url, tokens, close: () => closeServer(server) };
}

interface Reply {
  readonly status: number;
  readonly body: object;
}

interface Desk {
  readonly options: IssuerOptions;
  readonly url: string;
  readonly tokens: DemoTokens;
}

async function answer(req: IncomingMessage, desk: Desk): Promise<Reply> {
  const path = (req.url ?? '').split('?')[0];
  switch (`${req.method} ${path}`) {
    case 'GET /.well-known/openid-configuration':
      return { status: 200, body: discovery(desk.url) };
    case 'GET /.well-known/jwks.json':
      return { status: 200, body: desk.tokens.jwks() };
    case 'POST /token':
      return grantToken(req, desk);
    case 'POST /introspect':
      return introspect(req, desk);
    default:
      return { status: 404, body: { error: 'not_found' } };
  }
}

function discovery(url: string): object {
  return {
    issuer: url,
    jwks_uri: `${url}/.well-known/jwks.json`,
    token_endpoint: `${url}/token`,
    introspection_endpoint: `${url}/introspect`,
    grant_types_supported: ['client_credentials'],
    response_types_supported: ['token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  };
}

/** The client credentials grant of RFC 6749 §4.4. */
async function grantToken(req: IncomingMessage, { options, tokens }: Desk): Promise<Reply> {
  const form = await readForm(req);
  const { id, secret } = clientCredentials(req, form);
  const client = options.clients.find((each) => each.id === id);
  if (!client || !constantTimeEqual(secret, client.secret)) return { status: 401, body: { error: 'invalid_client' } };
  if (form.get('grant_type') !== 'client_credentials') {
    return { status: 400, body: { error: 'unsupported_grant_type' } };
  }
  const claims: TokenClaims = { sub: client.id, client_id: client.id, scope: client.scope, seconds: TOKEN_SECONDS };
  const token = client.tokens === 'jwt' ? tokens.sign(claims) : tokens.remember(claims);
  return {
    status: 200,
    body: { access_token: token, token_type: 'Bearer', expires_in: TOKEN_SECONDS, scope: client.scope },
  };
}

/** RFC 7662 §2: only the gateway may ask. The response for an unknown token says only that it is not active. */
async function introspect(req: IncomingMessage, { options, tokens }: Desk): Promise<Reply> {
  const form = await readForm(req);
  const { id, secret } = clientCredentials(req, form);
  const known = id === options.introspector.id && constantTimeEqual(secret, options.introspector.secret);
  if (!known) return { status: 401, body: { error: 'invalid_client' } };
  return { status: 200, body: tokens.introspect(form.get('token') ?? '') };
}

/** RFC 6749 §2.3.1: form-encoded inside Basic, or in the body. */
function clientCredentials(req: IncomingMessage, form: URLSearchParams): { id: string; secret: string } {
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(req.headers.authorization ?? '')?.[1];
  if (basic === undefined) return { id: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' };
  const text = Buffer.from(basic, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const decode = (part: string): string => decodeURIComponent(part.replaceAll('+', ' '));
  return { id: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) };
}

async function readForm(req: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > FORM_LIMIT) throw new Error('the form is too long');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

function send(res: ServerResponse, { status, body }: Reply): void {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  res.end(JSON.stringify(body));
}

/** Closes a server and its idle keep-alive connections. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
