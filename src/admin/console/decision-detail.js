/** The details of one decision: the request, the route, and what each auth method found. */
// @ts-check
import { levelOf } from './decision.js';
import { el, lines } from './dom.js';
import { cureOf, entryOf, factList, headline, methodBlocks, nearRoutes } from './explanation.js';
import { counted, duration, instant } from './format.js';

/** @typedef {import('./decision.js').Decision} Decision */
/** @typedef {import('./explanation.js').Glossary} Glossary */
/** @typedef {import('./explanation.js').Finding} Finding */

/**
 * @param {Decision} decision
 * @param {Glossary} glossary
 * @param {(words: string) => void} narrow Adds words to the filter.
 */
export function decisionElement(decision, glossary, narrow) {
  const { record, reason, code } = decision;
  const entry = entryOf(glossary, reason, code);
  return el(
    'article',
    { class: `explanation ${levelOf(decision)}` },
    headline({
      status: decision.status ?? 'pass',
      title: reason ?? code ?? decision.outcome,
      detail: record.detail,
      meaning: entry?.meaning,
    }),
    cureOf(entry?.cure, reason, code),
    requestFacts(decision, narrow),
    el(
      'section',
      {},
      el('h3', {}, 'Route'),
      factList([
        ['Matched', record.route ?? 'no route'],
        ...nearRoutes(record.near),
        ['Why', record.routing],
        ['Requires', record.requirement],
        ['Decided by', record.auth_method],
      ]),
    ),
    methodBlocks((record.methods ?? []).map(findingOf), glossary, reason),
    record.limit &&
      el(
        'section',
        {},
        el('h3', {}, 'Limit'),
        factList([
          ['Counted by', record.limit.key],
          ['Retry after', duration(record.limit.opens_in_s * 1_000)],
        ]),
      ),
    record.endpoint &&
      el(
        'section',
        {},
        el('h3', {}, 'Upstream'),
        factList([
          ['Endpoint', el('code', {}, record.endpoint.endpoint)],
          ['Failed with', record.endpoint.cause],
        ]),
      ),
    record.shortened && el('p', { class: 'muted' }, 'Parts of this record were left out, because it was too long.'),
    el('details', { class: 'more' }, el('summary', {}, 'Record as JSON'), lines(JSON.stringify(record, null, 2))),
  );
}

/** @param {any} finding @returns {Finding} */
function findingOf({ method, verdict, reason, detail, places = [], found, cache, elapsed_ms: took }) {
  const words = found
    ?.map((/** @type {any} */ { place, kind, length }) => `${kind} in ${place}, ${counted(length, 'character')}`)
    .join('; ');
  return { name: method, result: verdict, reason, detail, looksIn: places, found: words, cache, took };
}

/** @param {Decision} decision @param {(words: string) => void} narrow */
function requestFacts({ at, method, host = '', path, client, subject, record, id }, narrow) {
  const filter = (/** @type {string} */ name, /** @type {string | undefined} */ value) => {
    if (value === undefined || value === '' || /\s/.test(value)) return value;
    return el(
      'button',
      {
        type: 'button',
        class: 'link',
        title: `Show the decisions of this ${name}`,
        on: { click: () => narrow(`${name}:${value}`) },
      },
      value,
    );
  };
  return factList([
    ['Request', el('code', {}, `${method} ${host}${path}`)],
    ['Time', instant(at)],
    ['Client', filter('client', client)],
    ['Subject', filter('subject', subject)],
    ['Instance', record.instance && el('code', {}, record.instance)],
    ['Decision', id !== record.instance && el('code', {}, id)],
    ['Time spent', record.elapsed_ms === undefined ? undefined : duration(record.elapsed_ms)],
    ['Worker', record.worker],
  ]);
}
