/** The sections of the health view, each a table of facts of one process. */
// @ts-check
import { el } from './dom.js';
import { bytes, counted, day, duration, instant, number, rate } from './format.js';

/** @typedef {import('./dom.js').Child} Child */

/**
 * @param {any} status
 * @param {any} process
 */
export function sectionsOf({ now, processes }, process) {
  return [
    processesSection(processes, now),
    configSection(process, now),
    listenersSection(process, now),
    keySetsSection(process, now),
    upstreamsSection(process),
    pluginsSection(process),
    limitsSection(process),
  ].filter((each) => each !== undefined);
}

/**
 * @param {string} title
 * @param {readonly string[]} heads
 * @param {readonly (readonly (Child | readonly Child[])[])[]} rows
 */
function table(title, heads, rows) {
  const id = `section-${title.toLowerCase().replaceAll(' ', '-')}`;
  const head = el(
    'tr',
    {},
    heads.map((each) => el('th', { scope: 'col' }, each)),
  );
  const lines = rows.map(([first, ...rest]) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row', 'data-head': heads[0] }, cell(first)),
      rest.map((each, at) => el('td', { 'data-head': heads[at + 1] }, cell(each))),
    ),
  );
  return el(
    'section',
    { class: 'block', 'aria-labelledby': id },
    el('h2', { id }, title),
    el(
      'div',
      { class: 'scroll' },
      el('table', { class: 'facts', 'aria-labelledby': id }, el('thead', {}, head), el('tbody', {}, lines)),
    ),
  );
}

/** @param {Child | readonly Child[]} value @returns {readonly Child[]} */
const cell = (value) => (Array.isArray(value) ? value : [/** @type {Child} */ (value)]);

/** @param {'good' | 'warn' | 'bad' | 'idle'} level @param {string} words */
const state = (level, words) => el('span', { class: `state ${level}` }, words);

/** @param {readonly any[]} processes @param {number} now */
function processesSection(processes, now) {
  const rows = processes.map((each) => [
    each.worker === undefined ? 'Gateway' : `Worker ${each.worker}`,
    number(each.pid).replaceAll(',', ''),
    duration(now - each.startedAt),
    bytes(each.memory.rssBytes),
    each.eventLoop
      ? `${duration(each.eventLoop.meanMs)} mean, ${duration(each.eventLoop.p99Ms)} p99, ${duration(each.eventLoop.maxMs)} longest`
      : '–',
    number(each.sockets),
    el('code', {}, `${each.version} on Node ${each.node}`),
  ]);
  return table(
    'Processes',
    ['Process', 'PID', 'Up', 'Memory', 'Event loop delay', 'Upgraded sockets', 'Version'],
    rows,
  );
}

/** @param {any} process @param {number} now */
function configSection({ config }, now) {
  const { file, generation, loadedAt, lastReload, warnings } = config;
  const row = [
    el('code', {}, file),
    number(generation),
    [instant(loadedAt), el('small', {}, `${duration(now - loadedAt)} ago`)],
    lastReload === 'refused' ? state('bad', 'refused') : state('good', generation > 1 ? 'taken' : 'none yet'),
    counted(warnings.length, 'warning'),
  ];
  const section = table('Configuration', ['File', 'Generation', 'In use since', 'Last reload', 'Findings'], [row]);
  if (warnings.length > 0) section.append(warningsOf(warnings));
  return section;
}

/** @param {readonly any[]} warnings */
function warningsOf(warnings) {
  const items = warnings.map(({ code, file, line, path, message }) =>
    el(
      'li',
      {},
      el('code', {}, code),
      ' ',
      path && [el('code', {}, path), ': '],
      message,
      el('small', {}, line === undefined ? file : `${file}:${line}`),
    ),
  );
  return el(
    'details',
    { id: 'warnings', class: 'more' },
    el('summary', {}, `Show ${counted(warnings.length, 'warning')}`),
    el('ul', {}, items),
  );
}

/** @param {any} process @param {number} now */
function listenersSection({ listeners }, now) {
  if (listeners.length === 0) return undefined;
  const rows = listeners.map((/** @type {any} */ { name, address, clientAuth, certificate, revocation }) => [
    name,
    el('code', {}, address),
    certificate ? [ending(certificate.notAfter, now), el('small', {}, certificate.subject)] : '–',
    clientAuth ?? '–',
    revocation ? revocationCell(revocation, now) : '–',
  ]);
  return table(
    'Listeners and certificates',
    ['Listener', 'Address', 'Certificate', 'Client certificates', 'Revocation lists'],
    rows,
  );
}

/** @param {number} end @param {number} now */
function ending(end, now) {
  const left = end - now;
  if (left <= 0) return state('bad', `expired on ${day(end)}`);
  return state(left < 30 * 86_400_000 ? 'warn' : 'good', `${duration(left)} left`);
}

/** @param {any} revocation @param {number} now */
function revocationCell({ lists, faults }, now) {
  const each = lists.map((/** @type {any} */ { issuer, nextUpdate }) => [
    nextUpdate === undefined ? state('good', 'does not expire') : ending(nextUpdate, now),
    el('small', {}, issuer),
  ]);
  return [...each.flat(), ...faults.map((/** @type {string} */ fault) => el('small', { class: 'bad' }, fault))];
}

/** @param {any} process @param {number} now */
function keySetsSection({ methods }, now) {
  const sets = methods.flatMap((/** @type {any} */ { name, keySets = [] }) =>
    keySets.map((/** @type {any} */ each) => ({ name, ...each })),
  );
  if (sets.length === 0) return undefined;
  const rows = sets.map((/** @type {any} */ { name, issuer, source, keys, loadedAt, reloadAt, fault }) => [
    [issuer, el('small', {}, `${name}, ${source}`)],
    fault !== undefined
      ? [
          state(keys.length > 0 ? 'warn' : 'bad', keys.length > 0 ? 'stale' : 'not loaded'),
          el('small', { class: 'bad' }, fault),
        ]
      : state('good', counted(keys.length, 'key')),
    keys.length === 0
      ? '–'
      : keys.map((/** @type {any} */ { kid, algorithms }) =>
          el('span', { class: 'key' }, el('code', {}, kid ?? 'no kid'), ' ', el('small', {}, algorithms.join(', '))),
        ),
    loadedAt === undefined ? '–' : `${duration(now - loadedAt)} ago`,
    reloadAt === undefined ? '–' : reloadAt <= now ? 'now' : `in ${duration(reloadAt - now)}`,
  ]);
  return table('Key sets', ['Issuer', 'State', 'Keys', 'Loaded', 'Next load'], rows);
}

/** @param {any} process */
function upstreamsSection({ upstreams }) {
  if (upstreams.length === 0) return undefined;
  const rows = upstreams.flatMap((/** @type {any} */ { name, balancer, endpoints }) =>
    endpoints.map((/** @type {any} */ { url, address, leaving, up, healthy, breaker, inFlight, weight }) => [
      [name, el('small', {}, balancer)],
      [el('code', {}, url), ...(address === undefined ? [] : [' ', el('small', {}, address)])],
      leaving ? state('warn', 'leaving') : up ? state('good', 'up') : state('bad', 'down'),
      healthy === undefined ? 'not checked' : healthy ? 'healthy' : 'unhealthy',
      breaker === undefined ? 'none' : breaker.replace('_', ' '),
      number(inFlight),
      number(weight),
    ]),
  );
  return table('Upstreams', ['Upstream', 'Endpoint', 'State', 'Health check', 'Breaker', 'In flight', 'Weight'], rows);
}

/** @param {any} process */
function pluginsSection({ methods }) {
  const plugins = methods.filter((/** @type {any} */ { plugin }) => plugin);
  if (plugins.length === 0) return undefined;
  const rows = plugins.map((/** @type {any} */ { name, plugin }) => [
    name,
    plugin.phase,
    plugin.isolation,
    duration(plugin.timeoutMs),
    bytes(plugin.memoryLimitBytes),
  ]);
  return table('Plugins', ['Plugin', 'Phase', 'Isolation', 'Time limit', 'Memory limit'], rows);
}

/** @param {any} process */
function limitsSection({ limits }) {
  if (!limits) return undefined;
  const { store } = limits;
  const where = store
    ? [
        store.up ? state('good', `${store.type} answers`) : state('bad', `${store.type} does not answer`),
        el('small', {}, `without it: ${store.onError}`),
      ]
    : [state('idle', 'in this process'), el('small', {}, 'each process counts for itself')];
  const rows = limits.rules.map((/** @type {any} */ { name, rate: given, key }) => [
    name,
    rate(given),
    key.join(', '),
    where,
  ]);
  return table('Limits', ['Limit', 'Rate', 'Counted by', 'Counts are'], rows);
}
