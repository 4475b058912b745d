/** Finds what an operator should look at: faults first, then what ends soon. */
// @ts-check
import { day, duration } from './format.js';

/** @typedef {{ readonly level: 'bad' | 'warn', readonly text: string, readonly detail?: string | undefined }} Attention */

const SOON_MS = 30 * 86_400_000;

/**
 * @param {any} status
 * @returns {readonly Attention[]}
 */
export function attentionOf({ now, processes, missing = [] }) {
  /** @type {Map<string, Attention>} */
  const found = new Map();
  for (const each of missing) found.set(each, { level: 'bad', text: `No answer from ${each}.` });
  for (const each of processes) {
    for (const attention of inProcess(each, now)) found.set(attention.text, attention);
  }
  return [...found.values()].sort((a, b) => Number(a.level === 'warn') - Number(b.level === 'warn'));
}

/**
 * @param {any} process
 * @param {number} now
 * @returns {Generator<Attention>}
 */
function* inProcess({ config, listeners, methods, upstreams, limits, eventLoop }, now) {
  if (config.lastReload === 'refused')
    yield { level: 'bad', text: 'The last reload was refused. The old configuration stays in use.' };
  for (const { name, certificate, revocation } of listeners) {
    if (certificate) yield* ofEnd(`The certificate of listener ${name}`, certificate.notAfter, now);
    for (const fault of revocation?.faults ?? []) yield { level: 'bad', text: `Listener ${name}: ${fault}` };
    for (const list of revocation?.lists ?? [])
      if (list.nextUpdate !== undefined)
        yield* ofEnd(`The revocation list of ${list.issuer}`, list.nextUpdate, now, 2 * 86_400_000);
  }
  for (const { name, keySets, store } of methods) {
    if (store?.fault !== undefined)
      yield {
        level: store.answers ? 'warn' : 'bad',
        text: store.answers
          ? `${name}: notices of the key store do not arrive. A key is cached for one second only.`
          : `${name}: the key store does not answer. A key that is not cached is answered 503.`,
        detail: store.fault,
      };
    for (const { issuer, keys, fault } of keySets ?? []) {
      if (fault === undefined) continue;
      const kept = keys.length > 0 ? 'Older keys are still used.' : 'No token of this issuer can be verified.';
      yield {
        level: keys.length > 0 ? 'warn' : 'bad',
        text: `${name}: the key set of ${issuer} cannot be loaded. ${kept}`,
        detail: fault,
      };
    }
  }
  for (const { name, endpoints: all } of upstreams) {
    const endpoints = all.filter((/** @type {any} */ { leaving }) => !leaving);
    for (const { url, address, name: resolution } of endpoints)
      if (resolution?.fault !== undefined)
        yield {
          level: 'warn',
          text: `Upstream ${name}: the name of ${url} was not resolved.${address === undefined ? '' : ' Its earlier addresses are still used.'}`,
          detail: resolution.fault,
        };
    const down = endpoints.filter((/** @type {any} */ { up }) => !up);
    if (down.length === 0) continue;
    const none = down.length === endpoints.length;
    yield {
      level: none ? 'bad' : 'warn',
      text: none
        ? `Upstream ${name} has no endpoint that takes requests.`
        : `Upstream ${name}: ${down.length} of ${endpoints.length} endpoints take no requests.`,
    };
  }
  if (limits?.store && !limits.store.up)
    yield { level: 'bad', text: `The shared store of the limits does not answer. Policy: ${limits.store.onError}.` };
  if (eventLoop && eventLoop.p99Ms > 200)
    yield {
      level: 'warn',
      text: 'The event loop is late, so requests wait.',
      detail: `99 % of the delays are at most ${duration(eventLoop.p99Ms)}`,
    };
}

/**
 * @param {string} what
 * @param {number} end
 * @param {number} now
 * @param {number} soon
 * @returns {Generator<Attention>}
 */
function* ofEnd(what, end, now, soon = SOON_MS) {
  if (end <= now) yield { level: 'bad', text: `${what} expired on ${day(end)}.` };
  else if (end - now < soon)
    yield { level: 'warn', text: `${what} expires in ${duration(end - now)}, on ${day(end)}.` };
}
