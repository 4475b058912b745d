/** The `cors` block: no origin that every page can have, and no pair of options that means something else than it says. */
import { parseOrigin, type OriginFault } from '../../lib/origin-pattern.js';
import type { ErrorCode } from '../diagnostic-codes.js';
import type { Context } from '../context.js';
import type { CorsBlock } from '../schema/cors.js';

const SPELLINGS = [
  ['allowed_origins', 'allow_origins'],
  ['allowed_methods', 'allow_methods'],
  ['allowed_headers', 'allow_headers'],
  ['exposed_headers', 'expose_headers'],
] as const;

const FAULTS: Readonly<Record<OriginFault, { readonly code: ErrorCode; readonly message: string }>> = {
  null: { code: 'unsafe_cors', message: 'any sandboxed frame has the origin null' },
  malformed: {
    code: 'wrong_value',
    message:
      'must be an origin as a browser sends it, such as "https://app.example.com", "https://*.example.com" or "capacitor://localhost"',
  },
  too_wide: {
    code: 'unsafe_cors',
    message:
      '"*" covers the subdomains of one of your sites, such as "https://*.example.com"; alone it covers every page',
  },
};

export function checkCors(block: CorsBlock | undefined, context: Context): void {
  if (!block?.enabled) return;
  const { report } = context;
  for (const [first, second] of SPELLINGS) {
    if (block[first] === undefined || block[second] === undefined) continue;
    const message = `means the same as ${first}: keep one of them`;
    report.error({ path: ['cors', second], code: 'two_sources', message, at: 'key' });
  }
  if (!block.allowed_origins && !block.allow_origins) {
    report.error({
      path: ['cors'],
      code: 'missing',
      message: 'needs allowed_origins: without it no page may read',
      at: 'key',
    });
  }
  for (const key of SPELLINGS[0]) checkOrigins(key, block, context);
  if (!block.allow_credentials) return;
  for (const key of SPELLINGS.slice(1).flat()) {
    const at = block[key]?.indexOf('*') ?? -1;
    if (at < 0) continue;
    const message = 'browsers take "*" for a name beside allow_credentials: list what is meant';
    report.error({ path: ['cors', key, at], code: 'unsafe_cors', message });
  }
}

function checkOrigins(
  key: (typeof SPELLINGS)[0][number],
  { [key]: origins = [], allow_credentials }: CorsBlock,
  { report }: Context,
): void {
  origins.forEach((origin, at) => {
    const path = ['cors', key, at];
    const pattern = parseOrigin(origin);
    if (typeof pattern === 'string') report.error({ path, ...FAULTS[pattern] });
    else if (pattern.kind === 'any' && allow_credentials) {
      const message = '"*" beside allow_credentials would let every page act for its visitor';
      report.error({ path, code: 'unsafe_cors', message });
    } else if (pattern.kind === 'any' && origins.length > 1) {
      const message = '"*" lets every page read: the other origins beside it mean nothing';
      report.error({ path, code: 'wrong_value', message });
    } else if (allow_credentials && isUnencrypted(origin)) {
      const message =
        'an attacker on the network can pose as this origin, and allow_credentials lets the origin act for users; use https';
      report.warning({ path, code: 'unencrypted_origin', message });
    }
  });
}

/** A browser's own machine is no network. */
function isUnencrypted(origin: string): boolean {
  return /^http:\/\/(?!(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|[^/]+\.localhost)(?::\d+)?$)/.test(origin);
}
