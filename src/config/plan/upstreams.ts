/** Upstreams as the plan has them, the texts of their TLS files included. */
import type { Item } from '../blocks.js';
import type { Context } from '../context.js';
import type { PlannedEndpoint, PlannedUpstream } from '../plan-types.js';
import type { Path } from '../report.js';
import { endpointUrl, type UpstreamBlock } from '../schema/upstreams.js';

export function planUpstreams(items: readonly Item<UpstreamBlock>[], context: Context): readonly PlannedUpstream[] {
  const seen = new Set<string>();
  return items.map((item) => {
    const { name } = item.value;
    if (seen.has(name)) {
      context.report.error({
        path: [...item.path, 'name'],
        code: 'duplicate',
        message: 'another upstream has this name already',
      });
    }
    seen.add(name);
    return planUpstream(item, context);
  });
}

function planUpstream({ value: block, path }: Item<UpstreamBlock>, context: Context): PlannedUpstream {
  const tls = block.tls?.enabled === true ? planTls(block.tls, [...path, 'tls'], context) : undefined;
  return {
    name: block.name,
    endpoints: planEndpoints(block, path, context),
    connectTimeoutMs: block.timeout.connect,
    readTimeoutMs: block.timeout.read,
    maxIdle: block.pool.max_idle,
    maxOpen: block.pool.max_open,
    idleTimeoutMs: block.pool.idle_timeout,
    ...(tls && { tls }),
  };
}

function planEndpoints(block: UpstreamBlock, path: Path, { report }: Context): readonly PlannedEndpoint[] {
  const { endpoints, weights } = block;
  if (weights && weights.length !== endpoints.length) {
    report.error({
      path: [...path, 'weights'],
      code: 'wrong_value',
      message: 'must have one weight for each endpoint',
    });
  }
  return endpoints.flatMap((endpoint, at): PlannedEndpoint[] => {
    const written = typeof endpoint === 'string' ? endpoint : hostAndPort(endpoint);
    const read = endpointUrl(written, block.tls?.enabled === true);
    if ('fault' in read) {
      report.error({ path: [...path, 'endpoints', at], code: 'wrong_value', message: read.fault });
      return [];
    }
    return [{ url: read.url, weight: weights?.[at] ?? (typeof endpoint === 'string' ? 1 : endpoint.weight) }];
  });
}

function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}

type TlsBlock = NonNullable<UpstreamBlock['tls']>;

function planTls(block: TlsBlock, path: Path, context: Context): NonNullable<PlannedUpstream['tls']> {
  const { report } = context;
  if (block.insecure_skip_verify) {
    const message = 'the upstream is not verified: whoever answers gets every request and its credentials';
    report.warning({ path: [...path, 'insecure_skip_verify'], code: 'insecure', message });
  }
  if ((block.cert_file === undefined) !== (block.key_file === undefined)) {
    report.error({ path, code: 'wrong_value', message: 'cert_file and key_file belong together' });
  }
  const read = (key: 'ca_file' | 'cert_file' | 'key_file'): string | undefined => {
    const file = block[key];
    return file === undefined ? undefined : readPem(file, [...path, key], context);
  };
  const [ca, cert, key] = [read('ca_file'), read('cert_file'), read('key_file')];
  const planned = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    insecureSkipVerify: block.insecure_skip_verify,
  };
  return key === undefined ? planned : Object.defineProperty(planned, 'key', { value: key, enumerable: false });
}

/** The text of a PEM file; undefined, with the reason told, if it cannot be used. */
export function readPem(file: string, path: Path, { source, report }: Context): string | undefined {
  const read = source.readBeside(file);
  if (read.kind === 'unreadable') report.error({ path, code: 'unreadable_file', message: `${file}: ${read.why}` });
  else if (!read.text.includes('-----BEGIN '))
    report.error({ path, code: 'not_pem', message: `${file} holds no PEM block` });
  else return read.text;
  return undefined;
}
