/** The filters of the decisions: kind, route, reason, and words. */
// @ts-check
import { el } from './dom.js';
import { KINDS, matcherOf, NO_ROUTE, whyOf } from './decision.js';

/** @typedef {import('./decision.js').Decision} Decision */

/** A name of the file or of a closed set: there are not many. A flood must not make many. */
const MOST_CHOICES = 500;

export class DecisionFilters {
  #filter = { kind: 'all', route: '', reason: '', text: '' };
  #input = el('input', {
    type: 'search',
    placeholder: 'Filter: path, client:10.0.0.1, subject:alice',
    'aria-label': 'Filter decisions',
    'aria-keyshortcuts': '/',
  });
  #routes = choice('Route', 'Every route', (value) => this.#set({ route: value }));
  #reasons = choice('Reason', 'Every reason', (value) => this.#set({ reason: value }));

  /** @param {(matches: (decision: Decision) => boolean) => void} changed */
  constructor(changed) {
    this.changed = changed;
    this.#input.addEventListener('input', () => this.#set({ text: this.#input.value }));
    this.#input.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || this.#input.value === '') return;
      event.stopPropagation();
      this.#input.value = '';
      this.#set({ text: '' });
    });
    const kinds = KINDS.map(([value, title]) =>
      el(
        'label',
        {},
        el('input', {
          type: 'radio',
          name: 'kind',
          value,
          checked: value === 'all',
          on: { change: () => this.#set({ kind: value }) },
        }),
        el('span', {}, title),
      ),
    );
    const kind = el('fieldset', { class: 'choice' }, el('legend', { class: 'unseen' }, 'Kind'), kinds);
    this.element = el('div', { class: 'controls' }, this.#input, kind, this.#routes.element, this.#reasons.element);
  }

  /** Offers the routes and reasons of the decisions. @param {readonly Decision[]} decisions */
  learn(decisions) {
    for (const decision of decisions) {
      this.#routes.offer(decision.route ?? NO_ROUTE);
      this.#reasons.offer(whyOf(decision));
    }
  }

  /** Adds words, such as `client:10.0.0.1`. @param {string} words */
  add(words) {
    const others = this.#input.value
      .split(/\s+/)
      .filter((part) => part !== '' && part.split(':', 1)[0] !== words.split(':', 1)[0]);
    this.#input.value = [...others, words].join(' ');
    this.#set({ text: this.#input.value });
  }

  /** @param {Partial<import('./decision.js').Filter>} change */
  #set(change) {
    Object.assign(this.#filter, change);
    this.changed(matcherOf(this.#filter));
  }
}

/**
 * @param {string} label
 * @param {string} every
 * @param {(value: string) => void} changed
 */
function choice(label, every, changed) {
  const select = el('select', { 'aria-label': label }, el('option', { value: '' }, every));
  select.addEventListener('change', () => changed(select.value));
  /** @type {Set<string>} */
  const known = new Set();
  const offer = (/** @type {string} */ value) => {
    if (known.has(value) || known.size >= MOST_CHOICES) return;
    known.add(value);
    const option = el('option', { value }, value);
    const after = Array.from(select.options).find((each) => each.value !== '' && each.value > value);
    select.insertBefore(option, after ?? null);
  };
  return { element: select, offer };
}
