/** The newest decisions, with a bounded number of records and of rows, for any rate of the stream. */
// @ts-check
import { el } from './dom.js';
import { clock } from './format.js';
import { levelOf } from './decision.js';

/** @typedef {import('./decision.js').Decision} Decision */

/** The most decisions that the page keeps. */
export const MOST_KEPT = 2_000;
/** The most rows at first, and with each "Show more". */
const ROWS = 200;

export class DecisionList {
  element = el('ol', { class: 'decisions', 'aria-label': 'Decisions, the newest first' });
  /** The newest last. @type {Decision[]} */
  #kept = [];
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();
  /** @type {(decision: Decision) => boolean} */
  #matches = () => true;
  #most = ROWS;
  /** The row that the Tab key reaches. */
  #current = '';

  /** @param {(decision: Decision) => void} open */
  constructor(open) {
    this.open = open;
    this.element.addEventListener('keydown', (event) => this.#onKey(event));
  }

  get kept() {
    return this.#kept.length;
  }

  /** Matching decisions that have no row. */
  get hidden() {
    return Math.max(0, this.#found().length - this.#rows.size);
  }

  /**
   * Adds decisions, the newest last. Those that would leave at once get no row.
   *
   * @param {readonly Decision[]} given
   * @param {boolean} isHistory They may be older than those of the list, and some may be in the list.
   */
  add(given, isHistory) {
    const known = new Set(this.#kept.map(({ id }) => id));
    const decisions = given.filter(({ id }) => !known.has(id));
    this.#kept = [...this.#kept, ...decisions];
    if (isHistory) this.#kept.sort((a, b) => a.at - b.at);
    this.#kept = this.#kept.slice(-MOST_KEPT);
    if (isHistory) return this.#draw();
    const fresh = decisions.filter(this.#matches).slice(-this.#most);
    const rows = fresh.map((each) => this.#row(each));
    this.element.prepend(...rows.reverse());
    this.#trim();
  }

  /** @param {(decision: Decision) => boolean} matches */
  filter(matches) {
    this.#matches = matches;
    this.#most = ROWS;
    this.#draw();
  }

  showMore() {
    this.#most += ROWS;
    this.#draw();
  }

  clear() {
    this.#kept = [];
    this.#draw();
  }

  /** @param {string} id */
  focus(id) {
    const row = this.#rows.get(id) ?? this.element.firstElementChild;
    /** @type {HTMLElement | null} */ (row?.firstElementChild ?? null)?.focus();
  }

  /** @param {string | undefined} id The decision whose details are shown. */
  mark(id) {
    for (const marked of this.element.querySelectorAll('[aria-current]')) marked.removeAttribute('aria-current');
    if (id !== undefined) this.#rows.get(id)?.firstElementChild?.setAttribute('aria-current', 'true');
  }

  #found() {
    return this.#kept.filter(this.#matches);
  }

  #draw() {
    const rows = this.#found().slice(-this.#most);
    const known = this.#rows;
    this.#rows = new Map();
    const elements = rows.map((each) => {
      const row = known.get(each.id);
      if (row) this.#rows.set(each.id, row);
      return row ?? this.#row(each);
    });
    this.element.replaceChildren(...elements.reverse());
    this.#rove();
  }

  /** Removes the oldest rows. */
  #trim() {
    for (
      let last = this.element.lastElementChild;
      last && this.#rows.size > this.#most;
      last = this.element.lastElementChild
    ) {
      this.#rows.delete(/** @type {HTMLElement} */ (last).dataset['id'] ?? '');
      last.remove();
    }
    this.#rove();
  }

  /** One row is in the order of the Tab key: the current one, or the newest. */
  #rove() {
    const current = this.#rows.get(this.#current) ?? this.element.firstElementChild;
    for (const button of this.element.querySelectorAll('[tabindex="0"]'))
      if (button.parentElement !== current) button.setAttribute('tabindex', '-1');
    current?.firstElementChild?.setAttribute('tabindex', '0');
  }

  /** @param {Decision} decision */
  #row(decision) {
    const { id, at, status, method, host, path, route, reason, code, client, subject } = decision;
    const why = reason ?? code ?? '';
    const button = el(
      'button',
      {
        type: 'button',
        class: levelOf(decision),
        tabindex: '-1',
        on: { click: () => this.open(decision), focus: () => this.#moveTo(id) },
      },
      el('time', { class: 'at', datetime: new Date(at).toISOString() }, clock(at)),
      el('span', { class: 'status' }, status ?? 'pass'),
      el('span', { class: 'verb' }, method),
      el('span', { class: 'target' }, host !== undefined && el('span', { class: 'host' }, host), path),
      el('span', { class: 'route' }, route ?? 'no route'),
      el('span', { class: 'why' }, why),
      el('span', { class: 'who' }, subject !== undefined && el('b', {}, subject), subject !== undefined && ' ', client),
    );
    const row = el('li', { 'data-id': id }, button);
    this.#rows.set(id, row);
    return row;
  }

  /** @param {string} id */
  #moveTo(id) {
    this.#current = id;
    this.#rove();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const row = event.target instanceof Element ? event.target.closest('li') : null;
    const to = {
      ArrowDown: row?.nextElementSibling,
      ArrowUp: row?.previousElementSibling,
      Home: this.element.firstElementChild,
      End: this.element.lastElementChild,
    }[event.key];
    if (!to) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (to.firstElementChild).focus();
  }
}
