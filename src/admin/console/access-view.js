/** The access map: each route, who may call it, and what is public. */
// @ts-check
import { announce, el, replace } from './dom.js';
import { counted, rate } from './format.js';
import { problemOf } from './problem.js';

/** @typedef {{ route: string, host?: string, path: string, methods?: string[], requirement: string, public: boolean, declaredOpen: boolean, upstream?: string, identityHeaders: string[], auth?: { method: string, role: string }[], limit?: any, conditions?: string[] }} Row */

const SHOW = /** @type {const} */ ([
  ['all', 'All'],
  ['public', 'Public'],
  ['guarded', 'Guarded'],
]);

/**
 * @param {import('./main.js').Context} context
 * @returns {import('./main.js').View}
 */
export function accessView({ session }) {
  const body = el('div', { class: 'loading', 'aria-busy': 'true' });
  const element = el(
    'section',
    { 'aria-labelledby': 'view-title' },
    el('h1', { id: 'view-title' }, 'Who may call what'),
    body,
  );
  session
    .get('routes')
    .then(
      (table) => replace(body, new AccessMap(table).elements()),
      (error) => replace(body, problemOf(error)),
    )
    .finally(() => {
      body.className = '';
      body.removeAttribute('aria-busy');
    });
  return { element };
}

class AccessMap {
  #shown = 'all';
  #text = '';
  #body = el('tbody', { role: 'rowgroup' });
  #empty = el('p', { class: 'empty', hidden: true }, 'No route matches the filter.');

  /** @param {{ routes: Row[], methods: { name: string, title: string }[], limit?: any }} table */
  constructor({ routes, methods, limit }) {
    this.routes = routes;
    this.methods = methods.filter(({ name }) => routes.some((row) => row.auth?.some(({ method }) => method === name)));
    this.limit = limit;
    this.rows = routes.map((row) => ({ row, words: wordsOf(row), element: this.#row(row) }));
  }

  elements() {
    this.#update();
    return [
      this.#summary(),
      this.#controls(),
      el('div', { class: 'scroll' }, this.#table()),
      this.#empty,
      this.#legend(),
    ];
  }

  #summary() {
    const open = this.routes.filter((row) => row.public);
    const silent = open.filter((row) => !row.declaredOpen);
    return el(
      'p',
      { class: 'lead' },
      counted(this.routes.length, 'route'),
      ', ',
      open.length === 0 ? 'none is public' : el('span', { class: 'stamp' }, `${open.length} public`),
      silent.length > 0 && el('span', {}, ` (${silent.length} without `, el('code', {}, 'auth: none'), ')'),
      ', ',
      counted(this.methods.length, 'auth method'),
      this.limit && `, limit ${rate(this.limit)} per ${this.limit.key.join(', ')}`,
      '.',
    );
  }

  #controls() {
    const input = el('input', {
      type: 'search',
      placeholder: 'Filter by path, host, HTTP method, upstream',
      'aria-label': 'Filter routes',
      'aria-keyshortcuts': '/',
    });
    input.addEventListener('input', () => {
      this.#text = input.value.trim().toLowerCase();
      this.#update();
    });
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      input.value = this.#text = '';
      this.#update();
    });
    const choices = SHOW.map(([value, title]) =>
      el(
        'label',
        {},
        el('input', {
          type: 'radio',
          name: 'shown',
          value,
          checked: value === this.#shown,
          on: { change: () => this.#show(value) },
        }),
        el('span', {}, title),
      ),
    );
    return el(
      'div',
      { class: 'controls' },
      input,
      el('fieldset', { class: 'choice' }, el('legend', { class: 'unseen' }, 'Routes shown'), choices),
    );
  }

  /** @param {string} which */
  #show(which) {
    this.#shown = which;
    this.#update();
  }

  #update() {
    const parts = this.#text.split(/\s+/);
    const found = this.rows.filter(
      ({ row, words }) =>
        (this.#shown === 'all' || row.public === (this.#shown === 'public')) &&
        parts.every((part) => words.includes(part)),
    );
    replace(
      this.#body,
      found.map(({ element }) => element),
    );
    this.#empty.hidden = found.length > 0;
    if (this.#text !== '' || this.#shown !== 'all') announce(`${counted(found.length, 'route')} shown.`);
  }

  #table() {
    const head = (/** @type {string} */ text, /** @type {string} */ name) =>
      el('th', { scope: 'col', role: 'columnheader', class: name }, text);
    return el(
      'table',
      { class: 'map', role: 'table', 'aria-labelledby': 'view-title' },
      el(
        'thead',
        { role: 'rowgroup' },
        el(
          'tr',
          { role: 'row' },
          head('Route', 'route'),
          head('HTTP methods', 'verbs'),
          this.methods.map(({ name, title }) =>
            el('th', { scope: 'col', role: 'columnheader', class: 'mark', title }, el('code', {}, name)),
          ),
          head('Requirement', 'words'),
          head('Limit', 'limit'),
          head('Upstream', 'upstream'),
        ),
      ),
      this.#body,
    );
  }

  /** @param {Row} row */
  #row(row) {
    const { route, host, path, methods, requirement, limit, upstream, conditions = [] } = row;
    return el(
      'tr',
      { role: 'row', class: row.public ? 'public' : undefined },
      el(
        'th',
        { scope: 'row', role: 'rowheader', class: 'route' },
        el('span', { class: 'id' }, route),
        el('code', { class: 'path' }, host !== undefined && el('span', { class: 'host' }, host), path),
        conditions.map((each) => el('code', { class: 'condition' }, each)),
      ),
      el(
        'td',
        { role: 'cell', class: 'verbs' },
        methods ? methods.map((each) => el('code', {}, each)) : el('span', { class: 'muted' }, 'any'),
      ),
      this.#marks(row),
      el('td', { role: 'cell', class: 'words' }, !isPlainPublic(row) && el('span', {}, requirement), told(row)),
      el('td', { role: 'cell', class: 'limit' }, limit ? rate(limit) : el('span', { class: 'muted' }, '–')),
      el('td', { role: 'cell', class: 'upstream' }, upstream ?? el('span', { class: 'muted' }, '–')),
    );
  }

  /** @param {Row} row */
  #marks(row) {
    const width = this.methods.length;
    if (isPlainPublic(row))
      return el(
        'td',
        { role: 'cell', class: 'mark all', colspan: Math.max(1, width) },
        el('strong', { class: 'stamp' }, row.requirement),
      );
    return this.methods.map(({ name }) => {
      const role = row.auth?.find(({ method }) => method === name)?.role;
      return el(
        'td',
        { role: 'cell', class: `mark ${role ?? ''}` },
        role !== undefined && [
          el('span', { class: `dot ${role}`, 'aria-hidden': 'true' }),
          el('span', { class: 'unseen' }, `${name}: ${ROLES[role] ?? role}`),
        ],
      );
    });
  }

  #legend() {
    const entries = Object.entries(ROLES).map(([role, words]) =>
      el('span', {}, el('span', { class: `dot ${role}`, 'aria-hidden': 'true' }), ` ${words}`),
    );
    return el('p', { class: 'legend muted', 'aria-hidden': 'true' }, entries);
  }
}

/** @type {Record<string, string>} */
const ROLES = { required: 'required', either: 'one of these', optional: 'optional' };

/** @param {Row} row */
const isPlainPublic = (row) => (row.auth ?? []).length === 0;

/** @param {Row} row */
function told({ identityHeaders }) {
  if (identityHeaders.length === 0) return undefined;
  return el(
    'span',
    { class: 'told' },
    'sets ',
    identityHeaders.map((each, at) => [at > 0 && ', ', el('code', {}, each)]).flat(),
  );
}

/** @param {Row} row */
function wordsOf(row) {
  const { route, host = '', path, methods = [], requirement, upstream = '', identityHeaders } = row;
  return [route, host, path, ...methods, requirement, upstream, ...identityHeaders, row.public ? 'public' : '']
    .join(' ')
    .toLowerCase();
}
