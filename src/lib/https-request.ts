/**
 * Sends one HTTP request to a server that a file or an issuer names: with the authorities of the file, and with a check
 * of the address that a name leads to.
 */
import dns from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { hostOf } from './address.js';

export interface PeerOptions {
  /** PEM text of the only authorities that count. Default: those of Node, with `NODE_EXTRA_CA_CERTS`. */
  readonly ca?: readonly string[] | undefined;
  /** Whether the server may have this address. Default: any address. */
  readonly allowsAddress?: ((address: string) => boolean) | undefined;
}

export interface RequestOptions extends PeerOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Exchange {
  readonly response: IncomingMessage;
  /** The address of the server. Unknown behind a proxy, which looks up the name. */
  readonly address: string | undefined;
}

/** The name of the server leads to no address that is allowed. */
export class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError';
}

/** A server that closes an idle connection at the moment of its reuse has not read the request. */
const CLOSED: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE']);

export async function request(url: string, options: RequestOptions, signal: AbortSignal): Promise<Exchange> {
  const target = new URL(url);
  try {
    return await send(target, options, signal);
  } catch (cause) {
    if (!(cause instanceof StaleConnectionError)) throw cause;
    return send(target, { ...options, anew: true }, signal);
  }
}

class StaleConnectionError extends Error {
  override readonly name = 'StaleConnectionError';
}

function send(
  target: URL,
  { method = 'GET', headers = {}, body, anew = false, ...peer }: RequestOptions & { readonly anew?: boolean },
  signal: AbortSignal,
): Promise<Exchange> {
  const lookup = new CheckedLookup(target, peer.allowsAddress);
  return new Promise((resolve, reject) => {
    lookup.checkLiteral();
    const { request: start } = target.protocol === 'https:' ? https : http;
    const agent = agentFor(target.protocol, { ...peer, anew });
    const sent = start(target, {
      method,
      agent,
      signal,
      lookup: lookup.find,
      headers: {
        accept: 'application/json',
        ...headers,
        ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      },
    });
    sent.on('response', (response) => resolve({ response, address: lookup.addressOf(response) }));
    sent.on('error', (cause: Error & { code?: unknown }) => {
      const stale = sent.reusedSocket && !anew && CLOSED.has(cause.code);
      reject(stale ? new StaleConnectionError('the idle connection was closed', { cause }) : cause);
    });
    sent.end(body);
  });
}

/** Checks the addresses of the server in the lookup itself, so that no second lookup can lead elsewhere. */
class CheckedLookup {
  private readonly host: string;
  private looked = false;

  constructor(
    target: URL,
    private readonly allows: PeerOptions['allowsAddress'],
  ) {
    this.host = hostOf(target);
  }

  /** Node looks up names only. */
  checkLiteral(): void {
    if (isIP(this.host) !== 0 && this.allows && !this.allows(this.host)) throw refused();
  }

  readonly find: LookupFunction = (name, options, done) => {
    dns.lookup(name, { ...options, all: true }, (fault, found) => {
      if (fault) return done(fault, []);
      // The other name is that of a proxy.
      const isServer = name === this.host;
      this.looked ||= isServer;
      const allowed = isServer && this.allows ? found.filter(({ address }) => this.allows?.(address)) : found;
      const [first] = allowed;
      if (!first) return done(refused(), []);
      if (options.all) return done(null, allowed);
      done(null, first.address, first.family);
    });
  };

  addressOf({ socket }: IncomingMessage): string | undefined {
    if (isIP(this.host) !== 0) return this.host;
    return this.looked ? socket.remoteAddress : undefined;
  }
}

function refused(): AddressRefusedError {
  return new AddressRefusedError('the server has a private address, and the party that named it does not');
}

/** Idle connections end after this time, before most servers close them. */
const IDLE_MS = 4_000;
/** Few files name many authorities. */
const MAX_AGENTS = 64;
const agents = new Map<string, http.Agent>();

/** Connections are shared only between requests that trust the same authorities and that check no address. */
function agentFor(protocol: string, { ca, allowsAddress, anew }: PeerOptions & { readonly anew: boolean }): http.Agent {
  const secure = protocol === 'https:';
  if (allowsAddress || anew) return newAgent(secure, { ca, keepAlive: false });
  const name = JSON.stringify([secure, ca ?? null]);
  const known = agents.get(name);
  if (known) return known;
  if (agents.size >= MAX_AGENTS) agents.clear();
  const agent = newAgent(secure, { ca, keepAlive: true });
  agents.set(name, agent);
  return agent;
}

/** A proxy of the environment (`NODE_USE_ENV_PROXY`) is an option of the global agent, and of no other agent. */
function newAgent(secure: boolean, { ca, keepAlive }: { ca: PeerOptions['ca']; keepAlive: boolean }): http.Agent {
  const { options: shared } = (secure ? https : http).globalAgent as http.Agent & {
    readonly options: http.AgentOptions;
  };
  const options = { keepAlive, timeout: IDLE_MS, ...(shared.proxyEnv ? { proxyEnv: shared.proxyEnv } : {}) };
  return secure ? new https.Agent({ ...options, ...(ca ? { ca: [...ca] } : {}) }) : new http.Agent(options);
}
