/** The class of changes of each member of a planned listener, and the content of its files. */
import { content, secret, time, type Leaf, type Members } from '../lib/change-classes.js';
import { unixAddress } from '../config/address.js';
import type { HeaderRule } from '../auth/header-rule.js';
import type { PlannedListener, PlannedTls } from '../config/plan-types.js';

/** A listener with the content of the files that it names. */
export type ListenerView = Omit<PlannedListener, 'tls' | 'name' | 'unix'> & {
  readonly name?: string;
  readonly path?: string;
  readonly mode?: number;
  readonly tls?: TlsView;
};

type TlsView = PlannedTls & Readonly<Record<'certificate' | 'key' | 'authorities' | 'revoked', FileContent>>;

type FileContent = Uint8Array | string | undefined;

export function viewOf(listener: PlannedListener): ListenerView {
  const { tls, name, unix, ...more } = listener;
  const others = { ...more, ...unix };
  // Without a name of its own, a listener has the name of its address.
  const rest = name === addressOf(others) ? others : { ...others, name };
  if (!tls) return rest;
  const read = (file: string | undefined): FileContent => (file === undefined ? undefined : tls.files?.get(file));
  const [certificate, key] = [read(tls.certFile), read(tls.keyFile)];
  return { ...rest, tls: { ...tls, certificate, key, authorities: read(tls.caFile), revoked: read(tls.crlFile) } };
}

export const addressOf = ({ host = '', port, path }: Pick<ListenerView, 'host' | 'port' | 'path'>): string =>
  path === undefined ? `${host}:${port}` : unixAddress(path);

export const headerRuleText = (rules: readonly HeaderRule[]): string =>
  rules
    .map(({ claim, header, issuer }) => `${header} from ${claim}${issuer === undefined ? '' : ` of ${issuer}`}`)
    .join(', ');

const OPERATIONS: Leaf = { in: 'operations' };
/** Which address a client has. */
export const CLIENT: Leaf = { in: ['access', 'limits', 'headers'] };

export const LISTENER_CLASSES: Members<ListenerView> = {
  members: {
    name: { ...OPERATIONS, unseen: true },
    host: { by: 'the name of the item' },
    port: { by: 'the name of the item' },
    path: { by: 'the name of the item' },
    mode: { ...OPERATIONS, show: (mode: number) => mode.toString(8), default: 0o600 },
    proxyProtocol: { members: { from: { ...CLIENT, unordered: true } } },
    protocol: OPERATIONS,
    tls: {
      members: {
        certFile: { by: 'certificate' },
        keyFile: { by: 'key' },
        minVersion: { ...OPERATIONS, default: 'TLSv1.2' },
        clientAuth: { in: 'access', default: 'none' },
        caFile: { by: 'authorities' },
        crlFile: { by: 'revoked' },
        files: { by: 'the contents' },
        clientCertHeaders: { by: 'headers of the method' },
        certificate: content('operations', 'cert_file'),
        key: secret('operations', 'key_file'),
        authorities: content('access', 'ca_file'),
        revoked: content('access', 'crl_file'),
      },
    },
    readTimeoutMs: time('read_timeout', 30_000),
    writeTimeoutMs: time('write_timeout', 30_000),
    idleTimeoutMs: time('idle_timeout', 60_000),
    maxHeaderBytes: { in: 'timeouts', as: 'max_header_size', default: 16_384 },
  },
};
