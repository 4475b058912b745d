/** The `listeners` block: where the gateway listens, and its TLS. */
import { z } from 'zod';
import { byteSize, headerName, timeout } from '../../lib/fields.js';
import { isUnixAddress, parseAddress, readUnixAddress } from '../address.js';
import { filePath, listOf, name } from './fields.js';
import { trustedProxy } from './proxies.js';

const ADDRESS = 'must be "host:port" or ":port" with a port from 1 to 65535';
const LISTENER_ADDRESS = `${ADDRESS}, or "unix:" and an absolute path`;
const MODE = 'must be three octal digits in quotes that let the owner read and write, such as "0660"';
const UNBUILT_PROTOCOLS = new Set(['grpc', 'grpcs', 'http2', 'h2', 'h2c', 'http3', 'h3', 'tcp', 'udp']);

export const address = () =>
  z.string({ error: ADDRESS }).refine((text) => parseAddress(text) !== undefined, { error: ADDRESS });

const listenerAddress = () =>
  z.string({ error: LISTENER_ADDRESS }).superRefine((text, context) => {
    const unix = isUnixAddress(text) ? readUnixAddress(text) : undefined;
    const fault = unix ? 'fault' in unix && unix.fault : parseAddress(text) === undefined && LISTENER_ADDRESS;
    if (fault !== false) context.addIssue({ code: 'custom', message: fault });
  });

const proxyProtocol = z.strictObject({
  from: listOf(trustedProxy()).describe(
    'Addresses and CIDR blocks of the balancers, or `unix` on a Unix socket. They must send the header, and no other peer may.',
  ),
});

const header = (what: string) => headerName().optional().describe(`Header that carries the ${what}.`);

export const clientCertHeaders = z.strictObject({
  subject: header('RFC 4514 subject of the certificate'),
  issuer: header('RFC 4514 issuer of the certificate'),
  serial: header('serial number in upper hex'),
  fingerprint: header('SHA-256 fingerprint in lower hex'),
  san: header('subject alternative names, SPIFFE IDs first, joined by commas'),
});

const tls = z.strictObject({
  cert_file: filePath().describe('PEM file of the certificate and its chain.'),
  key_file: filePath().describe('PEM file of the private key.'),
  min_version: z
    .enum(['1.2', '1.3'], { error: 'must be "1.2" or "1.3", quoted' })
    .default('1.2')
    .describe('Lowest TLS version.'),
  client_auth: z
    .enum(['none', 'request', 'require', 'verify'])
    .default('none')
    .describe('`none`, `request` (asks), `require` or `verify` (the handshake refuses without a valid certificate).'),
  ca_file: filePath().optional().describe('PEM file of the authorities of client certificates.'),
  client_ca_file: filePath().optional().describe('The same as `ca_file`.'),
  crl_file: filePath().optional().describe('PEM file of revoked client certificates.'),
  client_cert_headers: clientCertHeaders.optional().describe('Identity headers set from a verified certificate.'),
});

export const listener = z.strictObject({
  name: name().optional().describe('Name in messages.'),
  address: listenerAddress().describe('`host:port`, `:port`, or `unix:/path/of/a.sock`.'),
  mode: z
    .string({ error: MODE })
    .regex(/^0?[67][0-7]{2}$/, MODE)
    .optional()
    .describe('Permissions of a Unix socket, such as `"0660"`. Default: `"0600"`.'),
  proxy_protocol: proxyProtocol
    .optional()
    .describe('Reads the client address from the PROXY protocol, versions 1 and 2. Absent: no peer may send it.'),
  protocol: z
    .string({ error: 'must be "http" or "https"' })
    .refine((text) => !UNBUILT_PROTOCOLS.has(text), { error: 'this protocol is not built; use "http" or "https"' })
    .refine((text) => UNBUILT_PROTOCOLS.has(text) || text === 'http' || text === 'https', {
      error: 'must be "http" or "https"',
    })
    .optional()
    .describe('`http` or `https`; default: `https` with a `tls` block, else `http`.'),
  tls: tls.optional().describe('TLS of an https listener.'),
  read_timeout: timeout().prefault('30s').describe('Time for the head of a request.'),
  write_timeout: timeout().prefault('30s').describe('Time between two writes of a response.'),
  idle_timeout: timeout().prefault('60s').describe('Time that an idle connection is kept.'),
  max_header_size: byteSize(1_024, 1_048_576).prefault(16_384).describe('Largest request head in bytes.'),
});

export type ListenerBlock = z.output<typeof listener>;
