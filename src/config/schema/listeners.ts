/** The `listeners` block: where the gateway listens, and its TLS. */
import { z } from 'zod';
import { byteSize, headerName, timeout } from '../../lib/fields.js';
import { parseAddress } from '../address.js';
import { filePath, name } from './fields.js';

const ADDRESS = 'must be "host:port" or ":port" with a port from 1 to 65535';
const UNBUILT_PROTOCOLS = new Set(['grpc', 'grpcs', 'http2', 'h2', 'h2c', 'http3', 'h3', 'tcp', 'udp']);

export const address = () =>
  z.string({ error: ADDRESS }).refine((text) => parseAddress(text) !== undefined, { error: ADDRESS });

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
  address: address().describe('`host:port` or `:port`.'),
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
