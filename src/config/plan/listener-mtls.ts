/** What listeners say of client certificates, as options of the `mtls` method. */
import type { Context } from '../context.js';
import type { PlannedListener, PlannedTls } from '../plan-types.js';
import { AUTH, type Entry } from './methods.js';

/** A listener that asks for certificates enables the method that reads them (`mtls`), unless the file disables it. */
export function withListeners(entry: Entry, listeners: readonly PlannedListener[], context: Context): Entry {
  const { state } = entry;
  const asking = listeners.flatMap(({ tls }) => (tls && tls.clientAuth !== 'none' ? [tls] : []));
  if (state !== 'enabled' && (state !== 'missing' || asking.length === 0)) return entry;
  const { method } = entry;
  if (!method?.certificate) return entry;
  if (asking.length === 0) return withAuthorities(entry, [], context);
  const listenerHeaders = asking.flatMap(({ clientCertHeaders }) => clientCertHeaders);
  const own = state === 'enabled' ? entry : ({ name: entry.name, method, state: 'enabled', from: 'listener' } as const);
  const options = own.options ?? method.options.parse({});
  return withAuthorities({ ...own, options, listenerHeaders }, asking, context);
}

/**
 * As middleware the host's server does the handshake, and Loom does not know which authorities it trusts (by default every public
 * root): there the authorities of the file's listeners count, or `mtls.ca_file`.
 */
function withAuthorities(entry: Entry, asking: readonly PlannedTls[], context: Context): Entry {
  const options = entry.options as { readonly ca?: string };
  if (context.mode === 'serve' || options.ca !== undefined) return entry;
  const files = [...new Set(asking.flatMap(({ caFile }) => (caFile === undefined ? [] : [caFile])))];
  if (files.length === 0) {
    const message = "needs ca_file: a host's server may trust every public root";
    if (asking.length === 0) context.report.error({ path: [...AUTH, entry.name], code: 'method_error', message });
    return entry;
  }
  if (asking.some(({ crlFile }) => crlFile !== undefined)) {
    const message = "crl_file counts on our own listeners; as middleware the host's server must check it";
    context.report.warning({ path: ['listeners'], code: 'crl_of_host', message });
  }
  const texts = files.map((file) => readAuthorities(file, context));
  const ca = texts.every((text) => text !== undefined) ? { ca: texts.join('\n') } : {};
  const findings = 'ca' in ca ? (entry.method?.findings({ ...options, ...ca }) ?? []) : [];
  for (const { message } of findings) {
    context.report.error({ path: ['listeners'], code: 'method_error', message: `ca_file ${message}` });
  }
  // Named and not read: the strategy then trusts no authority.
  return { ...entry, options: { ...options, ca_file: files[0], ...ca } };
}

function readAuthorities(file: string, context: Context): string | undefined {
  const read = context.source.readBeside(file);
  if (read.kind === 'text') return read.text;
  const message = `${file}: ${read.why}; as middleware every client certificate is refused`;
  context.report.warning({ path: ['listeners'], code: 'unreadable_file', message });
  return undefined;
}
