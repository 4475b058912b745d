/** The `mtls` block and its narrowing: the authority of the certificates, and the certificates that may pass. */
import { z } from 'zod';
import { headerName, plainText } from '../../../lib/fields.js';
import { canonicalAltName } from '../../../certificates/fields.js';
import { isAltNameOrPattern, readName } from '../../../certificates/name-match.js';

const ALT_NAME = 'must be "DNS:name", "URI:uri", "email:address" or "IP:address"';
const WILDCARD =
  'has a wildcard that matches no certificate: write "DNS:*.example.com", or a URI with a host and "/*" at its end';
const NAME =
  'must be an RFC 4514 name, such as "CN=svc-a,O=Example": known attributes, special characters escaped with "\\"';
const FINGERPRINT = 'must be a SHA-256 fingerprint: 64 hex digits, with or without colons';

const altName = () =>
  z
    .string()
    .refine((text) => canonicalAltName(text) !== undefined, { error: ALT_NAME })
    .transform((text) => canonicalAltName(text) as string)
    .refine((text) => isAltNameOrPattern(text), { error: WILDCARD });

const fingerprint = () =>
  z
    .string()
    .regex(/^(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){31})$/, FINGERPRINT)
    .transform((text) => text.replaceAll(':', '').toLowerCase());

const distinguishedName = () =>
  plainText()
    .regex(/^[A-Za-z0-9.-]+=/, 'must be an RFC 4514 name, such as "CN=svc-a,O=Example"')
    .refine((text) => !/[^\\][,+] /.test(text), {
      error: 'must be one line as RFC 4514 writes it: no space after a comma',
    })
    .refine((text) => readName(text) !== undefined, { error: NAME });

const header = (what: string) => headerName().optional().describe(`Header that carries the ${what}.`);

export const mtlsOptions = z.strictObject({
  realm: plainText().default('loom').describe('The realm of the challenge.'),
  ca_file: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file of the authorities, intermediates included, that the chain of the client must lead to.'),
  ca: z.string().min(1).optional().describe('The same as PEM text, in place of a file.'),
  claims_to_headers: z
    .strictObject({
      subject: header('RFC 4514 subject'),
      issuer: header('RFC 4514 issuer'),
      serial: header('serial number in upper hex'),
      fingerprint: header('SHA-256 fingerprint in lower hex'),
    })
    .default({})
    .describe('Identity headers set from the certificate: `subject`, `issuer`, `serial`, `fingerprint`.'),
});

const listOf = <T extends z.ZodType>(item: T) => z.array(item).min(1, 'must not be an empty list').optional();

export const mtlsNarrowing = z.strictObject({
  subjects: listOf(distinguishedName()).describe(
    'RFC 4514 subjects that may pass, in this order of their parts or the reverse.',
  ),
  sans: listOf(altName()).describe(
    'Subject alternative names that may pass: "DNS:…", "URI:…", "email:…", "IP:…"; "DNS:*.x" is one label, "URI:s://h/*" the rest.',
  ),
  fingerprints: listOf(fingerprint()).describe('SHA-256 fingerprints that may pass.'),
});

export type MtlsOptions = z.output<typeof mtlsOptions>;
