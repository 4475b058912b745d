/** Explains a request: the route, what each auth method found, and what to do. */
// @ts-check
import { el, lines } from './dom.js';
import { counted, duration, rate } from './format.js';

/** @typedef {import('./dom.js').Child} Child */
/** @typedef {{ reasons: Record<string, { meaning: string, cure?: string }>, codes: Record<string, { meaning: string, cure?: string }> }} Glossary */

/**
 * An auth method in a decision, from a record or from an explanation.
 *
 * @typedef {{ name: string, result: string, reason?: string, detail?: string, cure?: string, looksIn: readonly string[], found?: string | undefined, cache?: string, took?: number }} Finding
 */

/** @param {Glossary} glossary @param {string | undefined} reason @param {string | undefined} code */
export const entryOf = ({ reasons, codes }, reason, code) =>
  (reason === undefined ? undefined : reasons[reason]) ?? (code === undefined ? undefined : codes[code]);

/** @param {{ status: string, title: string, detail?: string | null, meaning?: string | undefined }} facts */
export function headline({ status, title, detail, meaning }) {
  return el(
    'header',
    {},
    el('h2', { id: 'detail-title', tabindex: -1 }, el('span', { class: 'status' }, status), ' ', title),
    detail && el('p', { class: 'sentence' }, detail),
    meaning !== undefined && el('p', { class: 'meaning' }, meaning),
  );
}

/** Where the documentation has more. @param {string | undefined} reason @param {string | undefined} code */
const pageOf = (reason, code) =>
  reason !== undefined
    ? 'docs/troubleshooting.md#reasons'
    : code !== undefined
      ? 'docs/troubleshooting.md#codes'
      : undefined;

/** @param {string | null | undefined} cure @param {string | undefined} [reason] @param {string | undefined} [code] */
export function cureOf(cure, reason, code) {
  const page = pageOf(reason, code);
  return (
    cure &&
    el('p', { class: 'cure' }, el('b', {}, 'What to do: '), cure, page !== undefined && el('small', {}, `See ${page}`))
  );
}

/**
 * @param {readonly (readonly [string, Child | readonly Child[]])[]} facts A fact without a value is left out.
 */
export function factList(facts) {
  return el(
    'dl',
    { class: 'fact-list' },
    facts.flatMap(([name, value]) => {
      if (value === undefined || value === null || value === '' || value === false) return [];
      return [el('dt', {}, name), el('dd', {}, Array.isArray(value) ? value : [/** @type {Child} */ (value)])];
    }),
  );
}

/** @type {Readonly<Record<string, string>>} */
const NEAR = { http_method: 'the HTTP method', host: 'the host', path: 'the path', conditions: 'a condition on' };

/**
 * The routes that nearly match a request without a route, as facts.
 *
 * @param {readonly { route: string, differs: string, has: string }[]} [near]
 * @returns {(readonly [string, readonly Child[]])[]}
 */
export const nearRoutes = (near = []) =>
  near.map(({ route, differs, has }) => [
    'Near route',
    [route, el('small', {}, `it has ${NEAR[differs] ?? differs} ${has}`)],
  ]);

/**
 * @param {readonly Finding[]} findings
 * @param {Glossary} glossary
 * @param {string | null | undefined} shownReason The reason whose cure is shown already.
 */
export function methodBlocks(findings, glossary, shownReason) {
  if (findings.length === 0) return undefined;
  return el(
    'section',
    {},
    el('h3', {}, 'Auth methods'),
    el(
      'ol',
      { class: 'methods' },
      findings.map((each) => methodBlock(each, each.reason === shownReason ? EMPTY : glossary)),
    ),
  );
}

/** @type {Glossary} */
const EMPTY = { reasons: {}, codes: {} };

/** @param {Finding} finding @param {Glossary} glossary */
function methodBlock({ name, result, reason, detail, cure, looksIn, found, cache, took }, glossary) {
  const entry = entryOf(glossary, reason, undefined);
  return el(
    'li',
    { class: `method ${result}` },
    el(
      'p',
      { class: 'method-head' },
      el('b', {}, name),
      ' ',
      el('span', { class: 'verdict' }, result.replaceAll('_', ' ')),
      reason !== undefined && [' ', el('code', {}, reason)].map(asChild),
    ),
    (detail ?? entry?.meaning) && el('p', { class: 'sentence' }, detail ?? entry?.meaning ?? ''),
    factList([
      ['Looked in', looksIn.join(', ')],
      ['Found', found],
      ['Cached', cache === undefined ? undefined : cache === 'hit' ? 'yes' : 'no'],
      ['Time spent', took === undefined ? undefined : duration(took)],
    ]),
    glossary !== EMPTY && cureOf(cure ?? entry?.cure),
  );
}

/** @param {any} child @returns {Child} */
const asChild = (child) => child;

/** @param {any} explained An `Explanation` of the gateway. @param {Glossary} glossary */
export function explanationElement(explained, glossary) {
  const {
    outcome,
    allowed,
    status,
    code,
    reason,
    detail,
    cure,
    request,
    route,
    near,
    requirement,
    identities,
    identityHeaders,
    upstreamPath,
    limits,
    needs,
    notes,
  } = explained;
  const level = allowed === null ? 'warn' : allowed ? 'good' : 'bad';
  const found = explained.methods.map((/** @type {any} */ each) => ({ ...each, found: foundWords(each.found) }));
  return el(
    'article',
    { class: `explanation card ${level}`, 'aria-labelledby': 'detail-title' },
    headline({
      status: allowed === null ? 'undecided' : String(status ?? 'pass'),
      title: reason ?? code ?? outcome,
      detail,
      meaning: entryOf(glossary, reason ?? undefined, code ?? undefined)?.meaning,
    }),
    needs.length > 0 && el('p', { class: 'sentence' }, `The decision needs: ${needs.join(', ').replaceAll('_', ' ')}.`),
    cureOf(cure, reason ?? undefined, code ?? undefined),
    factList([
      ['Request', el('code', {}, `${request.method} ${request.host ?? ''}${request.path}`)],
      ['Client', request.client],
      ['Listener', request.listener],
      ['Time', request.at],
    ]),
    el(
      'section',
      {},
      el('h3', {}, 'Route'),
      factList([
        ['Matched', route?.id ?? 'no route'],
        ...nearRoutes(near),
        ['Why', route?.matched],
        ['Requires', requirement],
        ['Upstream', route?.upstream],
        ['Upstream path', upstreamPath && el('code', {}, upstreamPath)],
      ]),
    ),
    methodBlocks(found, glossary, reason),
    identities.length > 0 &&
      el(
        'section',
        {},
        el('h3', {}, 'Callers'),
        factList(
          identities.map((/** @type {any} */ { method, subject, issuer, scopes }) => [
            method,
            [subject, el('small', {}, [issuer, scopes.join(' ')].filter(Boolean).join(', '))],
          ]),
        ),
      ),
    identityHeaders.length > 0 &&
      el(
        'section',
        {},
        el('h3', {}, 'Headers that the upstream receives'),
        factList(identityHeaders.map((/** @type {any} */ { name, value }) => [name, el('code', {}, value)])),
      ),
    limits.length > 0 &&
      el(
        'section',
        {},
        el('h3', {}, 'Limits that would count the request'),
        factList(
          limits.map((/** @type {any} */ { scope, requests, seconds, burst }) => [
            scope,
            rate({ rate: requests, perMs: seconds * 1_000, burst }),
          ]),
        ),
      ),
    notes.length > 0 &&
      el(
        'section',
        {},
        el('h3', {}, 'Notes'),
        el(
          'ul',
          {},
          notes.map((/** @type {string} */ each) => el('li', {}, each)),
        ),
      ),
    el(
      'details',
      { class: 'more' },
      el('summary', {}, 'Explanation as JSON'),
      lines(JSON.stringify(explained, null, 2)),
    ),
  );
}

/** @param {any} found */
function foundWords({ kind, place, length }) {
  if (kind === 'none') return 'nothing';
  const where = place === undefined ? '' : ` in ${place}`;
  return `${kind === 'one' ? 'a credential' : kind}${where}${length === undefined ? '' : `, ${counted(length, 'character')}`}`;
}
