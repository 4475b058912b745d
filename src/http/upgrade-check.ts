/** Finds WebSocket handshakes (RFC 6455 §4.2.1). Any other `Upgrade` field is ignored. */
import type { IncomingMessage, Server } from 'node:http';
import { editFields } from './fields.js';

export interface UpgradeRefusal {
  /** 426: answer with `Upgrade: websocket` and `Sec-WebSocket-Version: 13`. */
  readonly status: 400 | 426;
  readonly code: 'upgrade_malformed' | 'upgrade_unsupported';
}

const MALFORMED: UpgradeRefusal = { status: 400, code: 'upgrade_malformed' };
const UNSUPPORTED: UpgradeRefusal = { status: 426, code: 'upgrade_unsupported' };

/**
 * Whether `Upgrade` names WebSocket alone. Every other `Upgrade` is ignored (RFC 9110 §7.8): Java's HttpClient offers
 * `h2c` with its first request. Node's parser then reads the body as usual.
 */
function asksForWebSocket(req: IncomingMessage): boolean {
  const [value, ...others] = values(req, 'upgrade');
  return others.length === 0 && value?.toLowerCase() === 'websocket';
}

/** Makes a server emit `upgrade` for WebSockets alone. A function of the host decides too. */
export function upgradeWebSocketsAlone(server: Pick<Server, 'emit'>): void {
  const upgrading = server as { shouldUpgradeCallback?: (req: IncomingMessage) => boolean };
  const own = upgrading.shouldUpgradeCallback;
  upgrading.shouldUpgradeCallback = (req) => asksForWebSocket(req) && (own === undefined || own.call(server, req));
}

/** The fields of an ignored upgrade (RFC 9113 §3.1), which `Connection` names. */
const OF_UPGRADES = new Set(['upgrade', 'http2-settings']);

/** Removes an ignored `Upgrade` from a request. The request is then what it would be without it. */
export function dropIgnoredUpgrade(req: IncomingMessage): void {
  if (req.headers.upgrade === undefined) return;
  editFields(req, (name, value) => {
    if (OF_UPGRADES.has(name)) return undefined;
    return name === 'connection' ? withoutUpgrade(value) : value;
  });
}

function withoutUpgrade(connection: string): string | undefined {
  const tokens = connection.split(',').map((token) => token.trim());
  const kept = tokens.filter((token) => token !== '' && !OF_UPGRADES.has(token.toLowerCase()));
  return kept.length === 0 ? undefined : kept.join(', ');
}

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
