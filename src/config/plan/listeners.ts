/** Listeners as the plan has them; with the files that they name. */
import { headerRules } from '../../auth/header-rule.js';
import { UNIX_PEER } from '../../lib/address.js';
import { isUnixAddress, parseAddress, readUnixAddress } from '../address.js';
import type { Item } from '../blocks.js';
import type { Context } from '../context.js';
import type { PlannedListener, PlannedTls } from '../plan-types.js';
import type { Path } from '../report.js';
import type { Source } from '../source.js';
import type { ListenerBlock } from '../schema/listeners.js';

type TlsBlock = NonNullable<ListenerBlock['tls']>;

export function planListeners(items: readonly Item<ListenerBlock>[], context: Context): readonly PlannedListener[] {
  return items.map((item) => planListener(item, context));
}

const DEFAULT_MODE = '0600';

function planListener({ value: block, path }: Item<ListenerBlock>, context: Context): PlannedListener {
  const { host, port = 0 } = parseAddress(block.address) ?? {};
  const unix = isUnixAddress(block.address) ? readUnixAddress(block.address) : undefined;
  if (!unix && block.mode !== undefined) {
    const message = 'is only for an address with unix:';
    context.report.error({ path: [...path, 'mode'], code: 'no_effect', message, at: 'key' });
  }
  checkSenders(block, path, context);
  const protocol = (block.protocol ?? (block.tls ? 'https' : 'http')) as 'http' | 'https';
  if (protocol === 'http' && block.tls) {
    context.report.error({
      path: [...path, 'tls'],
      code: 'wrong_protocol',
      message: 'is not allowed with protocol: http',
      at: 'key',
    });
  }
  if (protocol === 'https' && !block.tls) {
    context.report.error({ path: [...path, 'protocol'], code: 'wrong_protocol', message: 'https needs a tls block' });
  }
  return {
    name: block.name ?? block.address,
    ...(host !== undefined && { host }),
    port,
    ...(unix && 'path' in unix && { unix: { path: unix.path, mode: parseInt(block.mode ?? DEFAULT_MODE, 8) } }),
    ...(block.proxy_protocol && { proxyProtocol: { from: block.proxy_protocol.from } }),
    protocol,
    ...(block.tls && { tls: planTls(block.tls, [...path, 'tls'], context) }),
    readTimeoutMs: block.read_timeout,
    writeTimeoutMs: block.write_timeout,
    idleTimeoutMs: block.idle_timeout,
    maxHeaderBytes: block.max_header_size,
  };
}

/** A balancer that can never be the peer would leave the header of every connection unread. */
function checkSenders({ address, proxy_protocol: senders }: ListenerBlock, path: Path, { report }: Context): void {
  const isUnix = isUnixAddress(address);
  senders?.from.forEach((sender, at) => {
    if ((sender === UNIX_PEER) === isUnix) return;
    const message = isUnix
      ? 'can never connect to a Unix socket, whose peers have no address: write unix'
      : 'is only for a listener on a Unix socket: write the addresses of the balancers';
    report.error({ path: [...path, 'proxy_protocol', 'from', at], code: 'wrong_value', message });
  });
}

function planTls(block: TlsBlock, path: Path, context: Context): PlannedTls {
  const { source } = context;
  const caFile = checkAuthorities(block, path, context);
  const named = [block.cert_file, block.key_file, caFile, block.crl_file].filter((each) => each !== undefined);
  const planned: PlannedTls = {
    certFile: source.resolve(block.cert_file),
    keyFile: source.resolve(block.key_file),
    minVersion: block.min_version === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    clientAuth: block.client_auth,
    ...(caFile !== undefined && { caFile: source.resolve(caFile) }),
    ...(block.crl_file !== undefined && { crlFile: source.resolve(block.crl_file) }),
    clientCertHeaders: headerRules(block.client_cert_headers),
  };
  return Object.defineProperty(planned, 'files', { value: readAll(named, source), enumerable: false });
}

/** Read with the file, so that a listener serves what was checked. A text says why a file could not be read. */
function readAll(named: readonly string[], source: Source): ReadonlyMap<string, Uint8Array | string> {
  return new Map(named.map((each) => [source.resolve(each), source.readBytesBeside(each)]));
}

/** Public roots never authenticate a client: a listener that asks for certificates names the authority. */
function checkAuthorities(block: TlsBlock, path: Path, context: Context): string | undefined {
  const { ca_file, client_ca_file, client_auth } = block;
  const { report } = context;
  const caFile = ca_file ?? client_ca_file;
  const key = ca_file === undefined ? 'client_ca_file' : 'ca_file';
  if (ca_file !== undefined && client_ca_file !== undefined) {
    report.error({
      path: [...path, 'client_ca_file'],
      code: 'two_sources',
      message:
        client_ca_file === ca_file ? 'is the same as ca_file; keep one of the two' : 'names another file than ca_file',
    });
  }
  if (client_auth !== 'none') {
    if (caFile === undefined) {
      report.error({
        path: [...path, 'client_auth'],
        code: 'missing',
        message: `${client_auth} needs ca_file beside it`,
      });
    }
    return caFile;
  }
  // `none` in the file is a choice. Without it the author expects that certificates are asked for.
  const level = context.has([...path, 'client_auth']) ? 'warning' : 'error';
  for (const each of [key, 'crl_file', 'client_cert_headers'] as const) {
    if (block[each] === undefined) continue;
    const message = 'means nothing without client_auth: no certificate is asked for';
    report[level]({ path: [...path, each], code: 'not_asked_for', message, at: 'key' });
  }
  return caFile;
}
