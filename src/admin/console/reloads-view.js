/** The last reloads, each with what it changed. */
// @ts-check
import { el, replace } from './dom.js';
import { counted, instant, number } from './format.js';
import { problemOf } from './problem.js';

/** @type {Record<string, readonly [level: string, words: string]>} */
const OUTCOMES = { taken: ['good', 'taken'], unchanged: ['idle', 'unchanged'], refused: ['bad', 'refused'] };

/**
 * @param {import('./main.js').Context} context
 * @returns {import('./main.js').View}
 */
export function reloadsView({ session }) {
  const body = el('div', { 'aria-busy': 'true' });
  session
    .get('reloads')
    .then(
      (state) => replace(body, elementsOf(state)),
      (error) => replace(body, problemOf(error)),
    )
    .finally(() => body.removeAttribute('aria-busy'));
  return {
    element: el('section', { 'aria-labelledby': 'view-title' }, el('h1', { id: 'view-title' }, 'Reloads'), body),
  };
}

/** @param {any} state */
function elementsOf({ generation, since, reloads, others = [], missing = [] }) {
  const behind = others.filter((/** @type {any} */ each) => each.generation !== generation);
  const newest = reloads.find((/** @type {any} */ { differences = [] }) => differences.length > 0);
  return [
    el('p', { class: 'lead' }, `Configuration ${number(generation)} is in use since ${moment(since)}.`),
    behind.map((/** @type {any} */ { worker, generation: other }) =>
      el('p', { class: 'problem' }, `Worker ${worker ?? '?'} uses configuration ${other}.`),
    ),
    missing.length > 0 && el('p', { class: 'problem' }, `No answer from ${missing.join(', ')}.`),
    reloads.length === 0 && el('p', { class: 'empty' }, 'No reload yet. A changed file or SIGHUP causes one.'),
    el(
      'ol',
      { class: 'reloads' },
      reloads.map((/** @type {any} */ each) => reloadElement(each, each === newest)),
    ),
  ].flat();
}

/** @param {string} time ISO 8601. */
const moment = (time) => instant(Date.parse(time));

/** @param {any} reload @param {boolean} isOpen Whether its differences are shown at first. */
function reloadElement(
  { time, trigger, outcome, generation, diagnostics, error, seen, total = 0, summary = {}, differences = [] },
  isOpen,
) {
  const [level, words] = OUTCOMES[outcome] ?? ['idle', outcome];
  const classes = Object.entries(summary).map(([name, count]) => `${name} ${number(Number(count))}`);
  return el(
    'li',
    {},
    el('h2', {}, el('time', { datetime: time }, moment(time)), ' ', el('span', { class: `state ${level}` }, words)),
    el(
      'p',
      { class: 'muted' },
      `Configuration ${number(generation)}, ${trigger === 'file' ? 'after a change of a file' : 'after SIGHUP or reload()'}. `,
      outcome !== 'refused' &&
        (seen ? `${counted(total, 'difference')}: ${classes.join(', ')}.` : 'No caller sees a difference.'),
    ),
    error !== undefined && el('p', { class: 'problem' }, error),
    diagnostics.length > 0 && el('ul', { class: 'diagnostics' }, diagnostics.map(diagnosticElement)),
    differences.length > 0 &&
      el(
        'details',
        { class: 'more', open: isOpen },
        el('summary', {}, `Show ${counted(differences.length, 'difference')}`),
        differencesOf(differences),
      ),
    total > differences.length &&
      el('p', { class: 'muted' }, `${number(total - differences.length)} more are not listed.`),
  );
}

/** @param {any} diagnostic */
function diagnosticElement({ level, code, file, line, path, message }) {
  const place = line === undefined ? file : `${file}:${line}`;
  return el(
    'li',
    { class: level },
    el('span', { class: `state ${level === 'error' ? 'bad' : 'warn'}` }, level),
    ' ',
    el('code', {}, code),
    ' ',
    path !== '' && el('code', {}, path),
    ' ',
    message,
    place && el('small', {}, place),
  );
}

/** @param {readonly any[]} differences */
function differencesOf(differences) {
  const heads = ['Class', 'Where', 'Before', 'After'];
  const rows = differences.map((each) =>
    el(
      'tr',
      { class: each.seen ? undefined : 'muted' },
      el('td', { 'data-head': heads[0] }, each.class),
      el(
        'th',
        { scope: 'row', 'data-head': heads[1] },
        el('code', {}, each.where),
        each.option !== undefined && el('small', {}, each.option),
      ),
      el('td', { 'data-head': heads[2] }, sideOf(each, each.before, 'added')),
      el('td', { 'data-head': heads[3] }, sideOf(each, each.after, 'removed')),
    ),
  );
  const head = el(
    'tr',
    {},
    heads.map((each) => el('th', { scope: 'col' }, each)),
  );
  return el('table', { class: 'facts' }, el('thead', {}, head), el('tbody', {}, rows));
}

/** A secret has no value here. @param {any} difference @param {string | undefined} value @param {string} absent */
function sideOf({ change, hidden }, value, absent) {
  if (change === absent) return '–';
  if (hidden !== undefined)
    return el('span', { class: 'muted' }, hidden === 'secret' ? 'a secret' : 'the content of a file');
  return value === undefined ? el('span', { class: 'muted' }, change) : el('code', {}, value);
}
