/** Checks that an upgrade request is a WebSocket handshake (RFC 6455 §4.2.1). */
import type { IncomingMessage } from 'node:http';

export interface UpgradeRefusal {
  /** 426: answer with `Upgrade: websocket` and `Sec-WebSocket-Version: 13`. */
  readonly status: 400 | 426;
  readonly code: 'upgrade_malformed' | 'upgrade_unsupported';
}

const MALFORMED: UpgradeRefusal = { status: 400, code: 'upgrade_malformed' };
const UNSUPPORTED: UpgradeRefusal = { status: 426, code: 'upgrade_unsupported' };

/** Returns undefined for a well-formed WebSocket handshake. It must run before hop-by-hop headers are removed. */
export function checkUpgrade(req: IncomingMessage): UpgradeRefusal | undefined {
  if (req.method !== 'GET' || req.httpVersion !== '1.1') return MALFORMED;
  // With a body before a tunnel, two parsers can disagree about the first byte of the tunnel.
  if (values(req, 'transfer-encoding').length > 0) return MALFORMED;
  if (values(req, 'content-length').some((value) => value !== '0')) return MALFORMED;
  const connection = values(req, 'connection').join(',').toLowerCase().split(',');
  if (!connection.some((token) => token.trim() === 'upgrade')) return MALFORMED;
  const upgrade = values(req, 'upgrade');
  if (upgrade.length !== 1 || upgrade[0]?.toLowerCase() !== 'websocket') return UNSUPPORTED;
  const version = values(req, 'sec-websocket-version');
  if (version.length !== 1 || version[0] !== '13') return UNSUPPORTED;
  const key = values(req, 'sec-websocket-key');
  return key.length === 1 && isNonce(key[0] ?? '') ? undefined : MALFORMED;
}

/** Returns every value of a header as sent. Node's own views join or drop repeated headers. */
function values(req: IncomingMessage, name: string): string[] {
  const found: string[] = [];
  for (let at = 0; at + 1 < req.rawHeaders.length; at += 2) {
    if (req.rawHeaders[at]?.toLowerCase() === name) found.push((req.rawHeaders[at + 1] ?? '').trim());
  }
  return found;
}

/** Whether the key is sixteen bytes in canonical base64. */
function isNonce(key: string): boolean {
  return /^[A-Za-z0-9+/]{22}==$/.test(key) && Buffer.from(key, 'base64').toString('base64') === key;
}
