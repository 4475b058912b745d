/** Explains one decision: the request, the route, and what each auth method found. */
// @ts-check
import { el, lines } from './dom.js';
import { duration, instant } from './format.js';
import { levelOf } from './decision.js';

/** @typedef {import('./decision.js').Decision} Decision */
/** @typedef {import('./dom.js').Child} Child */

/**
 * @param {Decision} decision
 * @param {(words: string) => void} [narrow] Adds words to the filter.
 */
export function decisionElement(decision, narrow) {
  const { record } = decision;
  return el(
    'article',
    { class: `explanation ${levelOf(decision)}` },
    headline(decision),
    requestFacts(decision, narrow),
    routeBlock(record),
    methodBlocks(record),
    limitBlock(record),
    el('details', { class: 'more' }, el('summary', {}, 'Record as JSON'), lines(JSON.stringify(record, null, 2))),
  );
}

/** @param {Decision} decision */
function headline({ status, outcome, reason, code, record }) {
  const title = el(
    'h2',
    { id: 'detail-title', tabindex: -1 },
    el('span', { class: 'status' }, status ?? 'pass'),
    ' ',
    reason ?? code ?? outcome,
  );
  return el(
    'header',
    {},
    title,
    record.detail !== undefined && el('p', { class: 'sentence' }, record.detail),
    cureOf(record),
  );
}

/** @param {any} of */
export function cureOf({ cure }) {
  return cure !== undefined && el('p', { class: 'cure' }, el('b', {}, 'Cure: '), cure);
}

/**
 * @param {readonly (readonly [string, Child | readonly Child[]] | undefined)[]} facts
 */
export function factList(facts) {
  return el(
    'dl',
    { class: 'fact-list' },
    facts.flatMap((fact) => {
      if (!fact || fact[1] === undefined) return [];
      const [name, value] = fact;
      return [el('dt', {}, name), el('dd', {}, Array.isArray(value) ? value : [/** @type {Child} */ (value)])];
    }),
  );
}

/** @param {Decision} decision @param {((words: string) => void) | undefined} narrow */
function requestFacts({ at, method, host, path, client, subject, record, id }, narrow) {
  const filter = (/** @type {string} */ name, /** @type {string} */ value) =>
    !narrow || /\s/.test(value)
      ? value
      : el(
          'button',
          {
            type: 'button',
            class: 'link',
            title: `Show the decisions of this ${name}`,
            on: { click: () => narrow(`${name}:${value}`) },
          },
          value,
        );
  return factList([
    ['Request', el('code', {}, `${method} ${host ?? ''}${path}`)],
    ['Time', instant(at)],
    ['Client', filter('client', client)],
    subject === undefined ? undefined : ['Subject', filter('subject', subject)],
    ['Instance', record.instance && el('code', {}, record.instance)],
    ['Decision', el('code', {}, id)],
    ['Time spent', record.tookMs === undefined ? undefined : duration(record.tookMs)],
    ['Worker', record.worker],
  ]);
}

/** @param {any} record */
function routeBlock({ route, requirement, nearMisses = [] }) {
  const misses = nearMisses.map((/** @type {any} */ { route: id, why }) => el('li', {}, el('b', {}, id), ` ${why}`));
  return el(
    'section',
    {},
    el('h3', {}, 'Route'),
    factList([
      ['Matched', route ?? 'no route'],
      ['Requires', requirement],
    ]),
    misses.length > 0 && el('ul', {}, misses),
  );
}

/** @param {any} record */
function methodBlocks({ methods = [] }) {
  if (methods.length === 0) return undefined;
  return el('section', {}, el('h3', {}, 'Auth methods'), el('ol', { class: 'methods' }, methods.map(methodBlock)));
}

/** @param {any} method */
function methodBlock(method) {
  const { name, verdict, places = [], found, reason, detail } = method;
  return el(
    'li',
    { class: `method ${verdict}` },
    el(
      'p',
      { class: 'method-head' },
      el('b', {}, name),
      ' ',
      el('span', { class: 'verdict' }, verdict),
      reason !== undefined && [' ', el('code', {}, reason)],
    ),
    detail !== undefined && el('p', { class: 'sentence' }, detail),
    factList([
      ['Looked at', places.join(', ') || undefined],
      ['Found', found],
    ]),
    cureOf(method),
  );
}

/** @param {any} record */
function limitBlock({ limit }) {
  return (
    limit &&
    el(
      'section',
      {},
      el('h3', {}, 'Limit'),
      factList(Object.entries(limit).map(([name, value]) => /** @type {const} */ ([name, String(value)]))),
    )
  );
}
