/** The harness for attacks with TLS: a listener that requests certificates, one that requires them, and a plain one. */
import { readFileSync } from 'node:fs';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { ask, type Answer, type Question } from './ask.js';
import { openGround, type Ground, type GroundOptions } from './attack-ground.js';
import { makeCertificates, type Certificates, type Pair } from './certificates.js';
import type { PemPair } from './der-certificates.js';

export const CERTIFICATE_HEADERS =
  '{ subject: X-Client-Subject, issuer: X-Client-Issuer, serial: X-Client-Serial, fingerprint: X-Client-Fingerprint }';

/** Options of the client only. The gateway must refuse weak certificates. */
const LAX = 'DEFAULT@SECLEVEL=0';

export interface TlsGround {
  readonly ground: Ground;
  readonly made: Certificates;
  /** `client_auth: request`. */
  readonly asking: number;
  /** `client_auth: require`. */
  readonly demanding: number;
  /** The status, or `refused` if the handshake or the connection fails. */
  status(port: number, path: string, pair?: Pair | PemPair): Promise<number | 'refused'>;
  ask(port: number, path: string, question?: TlsQuestion): Promise<Answer>;
  /** Sends raw bytes over a TLS socket. Returns everything until its end. Rejects if the handshake fails. */
  raw(port: number, bytes: string, options?: ConnectionOptions): Promise<string>;
}

export type TlsQuestion = Omit<Question, 'port' | 'path' | 'tls'> & { readonly pair?: Pair | PemPair };

export interface TlsGroundOptions extends GroundOptions {
  /** Further options of both TLS listeners. */
  readonly tls?: (made: Certificates) => string;
  readonly made?: Certificates;
}

const text = (pathOrPem: string): string =>
  pathOrPem.startsWith('-----BEGIN') ? pathOrPem : readFileSync(pathOrPem, 'utf8');

export const holding = (pair?: Pair | PemPair): { cert?: string; key?: string } =>
  pair ? { cert: text(pair.cert), key: text(pair.key) } : {};

/**
 * In further listeners `SERVER` is replaced by `cert_file` and `key_file`. Adds `/service/*` (mtls) and `/open/*` to
 * the routes. Both TLS listeners set the four certificate headers.
 */
export async function openTlsGround(options: TlsGroundOptions = {}): Promise<TlsGround> {
  const made = options.made ?? (await makeCertificates());
  const server = `cert_file: ${made.server.cert}, key_file: ${made.server.key}`;
  const listener = (name: string, port: string, mode: string): string =>
    `  - { name: ${name}, address: "127.0.0.1:${port}", protocol: https, tls: { ${server}, ` +
    `client_auth: ${mode}, ca_file: ${made.ca}, ` +
    `client_cert_headers: ${CERTIFICATE_HEADERS}${options.tls ? `, ${options.tls(made)}` : ''} } }`;
  const ground = await openGround({
    ...options,
    listeners: [
      listener('asking', 'PORT2', 'request'),
      listener('demanding', 'PORT3', 'require'),
      (options.listeners ?? '').replaceAll('SERVER', server),
    ].join('\n'),
    routes: `
  - { id: service, path: /service/*, upstream: backend, auth: { mtls: true } }
  - { id: open, path: /open/*, upstream: backend, auth: none }
${options.routes ?? ''}`,
  });
  const [asking = 0, demanding = 0] = ground.morePorts;
  const ca = text(made.ca);
  const askOver: TlsGround['ask'] = (port, path, { pair, ...question } = {}) =>
    ask({ ...question, port, path, tls: { ca, ciphers: LAX, ...holding(pair) } });
  return {
    ground,
    made,
    asking,
    demanding,
    ask: askOver,
    status: async (port, path, pair) => {
      const answer = await askOver(port, path, pair ? { pair } : {}).catch(() => undefined);
      return answer?.status ?? 'refused';
    },
    raw: (port, bytes, more = {}) => {
      const socket = connect({ port, host: '127.0.0.1', ca, servername: 'localhost', ...more });
      return allOf(socket, bytes);
    },
  };
}

function allOf(socket: TLSSocket, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    socket.on('secureConnect', () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
  });
}
