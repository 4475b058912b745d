/** Which fields hold secrets, and which values are no secrets at all because a public page prints them. */
import { eachScalar, type DocumentNode } from './document.js';
import type { Path, Report } from './report.js';

const SECRET_FIELDS = new Set(['key', 'secret', 'client_secret', 'password', 'password_hash', 'key_hash', 'token']);

/** Whether the field at a path holds a secret: not a bucket's `rate_limit.key`, nor a header named `token` of a route. */
export function isSecret(path: Path): boolean {
  if (path.at(-1) === 'url' && path.at(-2) === 'store') return true;
  if (path[0] === 'admin' && path[2] === 'users' && path.length === 4) return true;
  const field = path.findLast((part) => typeof part === 'string');
  if (field === undefined || !SECRET_FIELDS.has(field) || path[0] === 'routes') return false;
  return path[0] !== 'rate_limit' || field !== 'key';
}

/** What the Loom documentation prints: every attacker can try these. */
const PRINTED = new Set([
  'sk_live_abc123',
  'sk_test_xyz789',
  'sk_live_production_key',
  'your-256-bit-secret',
  'secret123',
  'yourpassword',
]);

export const isPrinted = (secret: string): boolean => PRINTED.has(secret);

/** Plain scalars that YAML 1.1 or 1.2 reads as something other than a string. */
const AMBIGUOUS = [
  /^(?:y|n|yes|no|on|off|true|false|null|~|)$/i,
  /^[-+]?0b[01_]+$/i,
  /^[-+]?0o?[0-7_]+$/,
  /^[-+]?0x[\da-f_]+$/i,
  /^[-+]?\d[\d_]*(?::[0-5]?\d)*(?:\.[\d_]*)?(?:e[-+]?\d+)?$/i,
  /^[-+]?\.\d[\d_]*(?:e[-+]?\d+)?$/i,
  /^[-+]?\.inf$|^\.nan$/i,
  /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt\s].*)?$/,
  /^=$/,
];

function isAmbiguous(plain: string): boolean {
  return AMBIGUOUS.some((form) => form.test(plain));
}

/** What no message may quote. Shorter ones are words that messages need. */
export function secretsOf(root: DocumentNode): readonly string[] {
  const secrets: string[] = [];
  eachScalar(root, (path, { value }) => {
    if (typeof value === 'string' && value.length >= 4 && isSecret(path)) secrets.push(value);
  });
  return secrets;
}

/** Secrets that another YAML reader would not read as this string, and secrets that are public. */
export function checkSecrets(root: DocumentNode, report: Report): void {
  eachScalar(root, (path, node) => {
    // What is no string for us either, the schema of the field says.
    if (isSecret(path) && typeof node.value === 'string' && node.plain !== undefined && isAmbiguous(node.plain)) {
      report.error({
        path,
        code: 'ambiguous_secret',
        message: 'YAML does not read this as a string everywhere; quote it',
      });
    }
    if (typeof node.value === 'string' && isPrinted(node.value)) {
      report.warning({
        path,
        code: 'printed_secret',
        message: 'this secret is printed in the Loom documentation, so it is public; make a new one',
      });
    }
  });
}
