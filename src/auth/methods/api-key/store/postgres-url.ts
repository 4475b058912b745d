/** The URL of the PostgreSQL store: which TLS options it may have, and what the package `pg` makes of them. */

const MODES = ['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** The package `pg` ignores all other names, such as `SSLMODE`. */
const TLS_OPTIONS: readonly string[] = ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation'];

/** The values of `ssl`, and the mode that has the same meaning. */
const MODE_OF_SSL: Readonly<Record<string, (typeof MODES)[number]>> = {
  ...{ true: 'verify-full', 1: 'verify-full' },
  ...{ false: 'disable', 0: 'disable', 'no-verify': 'no-verify' },
};

const NO_URL =
  'must be a URL such as postgres://user:password@host:5432/database; ' +
  'in a password write %23 for #, %2F for / and %3F for ?';

/** What is wrong with a URL, or undefined. The message has no part of the URL, because it has the password. */
export function postgresUrlFault(text: string): string | undefined {
  if (!URL.canParse(text) || !/^postgres(?:ql)?:$/.test(new URL(text).protocol)) return NO_URL;
  const { pathname, search, hash, searchParams: options } = new URL(text);
  // The user and a part of the password would be host and port.
  if (`${pathname}${search}${hash}`.includes('@')) return NO_URL;
  const once = ['sslmode', 'ssl', 'port'].find((name) => options.getAll(name).length > 1);
  if (once !== undefined) return `must have ${once} once`;
  if ([...options.keys()].some((name) => /^ssl/i.test(name) && !TLS_OPTIONS.includes(name)))
    return `must have no TLS options except ${TLS_OPTIONS.join(', ')}`;
  const [mode, ssl, port] = [options.get('sslmode'), options.get('ssl'), options.get('port')];
  if (mode !== null && !MODES.some((each) => each === mode)) return `must have an sslmode of ${MODES.join(', ')}`;
  if (ssl !== null && !Object.hasOwn(MODE_OF_SSL, ssl)) return 'must have sslmode in place of ssl';
  if (ssl !== null && mode !== null) return 'must have one of ssl and sslmode';
  if (port !== null && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) return 'must have a port of 0 to 65535';
  // With this option "require" accepts every certificate.
  if (options.has('uselibpqcompat'))
    return 'must not have uselibpqcompat: write sslmode=verify-full, or name the authorities in ca_file';
  return undefined;
}

/** The package `pg` reads TLS options of the URL in place of all others, so that `sslmode=disable` would end TLS. */
export function hasTlsOption(url: string): boolean {
  return URL.canParse(url) && [...new URL(url).searchParams.keys()].some((name) => /^ssl/i.test(name));
}

/** Whether any server may pose as the database, although the connection is encrypted. */
export function acceptsEveryServer(url: string): boolean {
  return modeOf(new URL(url).searchParams) === 'no-verify';
}

/**
 * The URL for the package `pg`. Version 8 verifies the server for `prefer`, `require` and `verify-ca` too, and a later
 * version will not. `ssl=false` is a text to the package, and throws in the handler of a socket.
 */
export function strictUrl(text: string): string {
  const url = new URL(text);
  const mode = modeOf(url.searchParams);
  if (mode === null) return text;
  url.searchParams.delete('ssl');
  url.searchParams.set('sslmode', mode === 'disable' || mode === 'no-verify' ? mode : 'verify-full');
  return url.href;
}

function modeOf(options: URLSearchParams): string | null {
  const ssl = options.get('ssl');
  return options.get('sslmode') ?? (ssl === null ? null : (MODE_OF_SSL[ssl] ?? null));
}
