/** What a shadow file would decide otherwise, on the requests of this gateway. */
// @ts-check
import { el, replace } from './dom.js';
import { counted, instant, number } from './format.js';
import { problemOf } from './problem.js';

const EVERY_MS = 5_000;

/**
 * @param {import('./main.js').Context} context
 * @returns {import('./main.js').View}
 */
export function shadowView({ session }) {
  const body = el('div', { 'aria-busy': 'true' });
  const load = async () => {
    if (document.hidden) return;
    try {
      const open = new Set(Array.from(body.querySelectorAll('details[open]'), (each) => each.getAttribute('data-key')));
      replace(body, reportElements(await session.get('shadow')));
      for (const each of body.querySelectorAll('details')) each.open = open.has(each.getAttribute('data-key'));
    } catch (error) {
      replace(body, problemOf(error));
    }
    body.removeAttribute('aria-busy');
  };
  const timer = setInterval(() => {
    // An open detail keeps its focus.
    if (!body.contains(document.activeElement)) void load();
  }, EVERY_MS);
  void load();
  const element = el('section', { 'aria-labelledby': 'view-title' }, el('h1', { id: 'view-title' }, 'Shadow'), body);
  return { element, close: () => clearInterval(timer) };
}

/** @param {any} report */
function reportElements({
  state,
  file,
  since,
  errors = [],
  reload_errors: reloadErrors = [],
  requests,
  not_evaluated: causes,
  differences,
  omitted,
  missing = [],
}) {
  if (state === 'off')
    return [
      el(
        'p',
        { class: 'lead' },
        'No shadow file. Set ',
        el('code', {}, 'shadow: next.yaml'),
        ' in the file, or start with ',
        el('code', {}, '--shadow next.yaml'),
        '.',
      ),
    ];
  const compared = requests.same + requests.different;
  const lead = el(
    'p',
    { class: 'lead' },
    el('code', {}, file ?? ''),
    since !== undefined && ` since ${instant(Date.parse(since))}. `,
    `${counted(compared, 'request')} compared, `,
    requests.different === 0 ? 'none differs.' : el('span', { class: 'stamp' }, `${number(requests.different)} differ`),
  );
  return [
    lead,
    messages('The shadow file is wrong. It is not evaluated.', errors),
    messages('A reload with this file would be refused.', reloadErrors),
    missing.length > 0 && el('p', { class: 'problem' }, `No answer from ${missing.join(', ')}.`),
    differences.length > 0 && differenceTable(differences),
    omitted > 0 && el('p', { class: 'muted' }, `${number(omitted)} more requests differ in ways that are not listed.`),
    requests.dropped > 0 &&
      el('p', { class: 'muted' }, `${number(requests.dropped)} requests were left out, because the gateway was busy.`),
    causes.length > 0 &&
      el(
        'section',
        { class: 'block' },
        el('h2', {}, `Not evaluated: ${number(requests.not_evaluated)}`),
        el(
          'ul',
          {},
          causes.map((/** @type {any} */ { why, count }) => el('li', {}, `${number(count)} × ${why}`)),
        ),
      ),
  ];
}

/** @param {string} title @param {readonly string[]} texts */
function messages(title, texts) {
  return (
    texts.length > 0 &&
    el(
      'div',
      { class: 'problem' },
      el('b', {}, title),
      el(
        'ul',
        {},
        texts.map((each) => el('li', {}, each)),
      ),
    )
  );
}

/** @param {readonly any[]} differences */
function differenceTable(differences) {
  const heads = ['Requests', 'File in use', 'Shadow file', 'Why'];
  const rows = differences.map(
    ({ kind, from, to, why, count, http_method: method, host = '', path, callers, last_seen: last }) =>
      el(
        'tr',
        {},
        el('th', { scope: 'row', 'data-head': heads[0] }, number(count)),
        el('td', { 'data-head': heads[1] }, side(from)),
        el(
          'td',
          { 'data-head': heads[2] },
          side(to),
          kind !== 'decision' && el('small', {}, `another ${kind === 'headers' ? 'set of identity headers' : kind}`),
        ),
        el(
          'td',
          { 'data-head': heads[3] },
          el('span', {}, why),
          el('small', {}, `last: ${method} ${host}${path} at ${last}`),
          callersOf(callers, JSON.stringify([kind, from, to])),
        ),
      ),
  );
  return el(
    'table',
    { class: 'facts', 'aria-label': 'Differences' },
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        heads.map((each) => el('th', { scope: 'col' }, each)),
      ),
    ),
    el('tbody', {}, rows),
  );
}

const ADMITTED = new Set(['granted', 'open', 'preflight']);

/** @param {any} decision */
function side({ outcome, status, code, reason, route }) {
  const level = ADMITTED.has(outcome) ? 'good' : 'bad';
  return [
    el('span', { class: `state ${level}` }, [status, outcome].filter((each) => each !== undefined).join(' ')),
    el('small', {}, [route ?? 'no route', reason ?? code].filter((each) => each !== undefined).join(', ')),
  ];
}

/** @param {readonly any[]} callers @param {string} key */
function callersOf(callers, key) {
  if (callers.length === 0) return undefined;
  const items = callers.map(({ live = 'no caller', candidate = 'no caller' }) =>
    el('li', {}, live === candidate ? live : `${live} → ${candidate}`),
  );
  return el(
    'details',
    { class: 'more', 'data-key': key },
    el('summary', {}, counted(callers.length, 'caller')),
    el('ul', {}, items),
  );
}
