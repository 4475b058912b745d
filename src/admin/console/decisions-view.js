/** Live decisions: a stream with filters, a pause, and the explanation of each decision. */
// @ts-check
import { DecisionFeed } from './decision-feed.js';
import { DecisionFilters } from './decision-filters.js';
import { DecisionList, MOST_KEPT } from './decision-list.js';
import { decisionElement } from './decision-detail.js';
import { announce, el, replace } from './dom.js';
import { counted, number } from './format.js';
import { glossaryOf } from './glossary.js';
import { problemOf } from './problem.js';
import { RateChart } from './rate-chart.js';
import { kindOf } from './decision.js';

/** @typedef {import('./decision.js').Decision} Decision */

const STATES = /** @type {const} */ ({
  connecting: ['warn', 'Connecting'],
  open: ['good', 'Live'],
  waiting: ['warn', 'Reconnecting'],
  paused: ['idle', 'Paused'],
});

/**
 * @param {import('./main.js').Context} context
 * @returns {import('./main.js').View}
 */
export function decisionsView({ session }) {
  const view = new DecisionsView(session);
  return { element: view.element, close: () => view.close() };
}

class DecisionsView {
  #chart = new RateChart();
  #list = new DecisionList((decision) => void this.#open(decision));
  #filters = new DecisionFilters((matches) => this.#filter(matches));
  #state = el('span', { class: 'state warn' }, 'Connecting');
  #totals = el('span', { class: 'totals' });
  #pause = el('button', { type: 'button', on: { click: () => this.#toggle() } }, 'Pause');
  #more = el('button', { type: 'button', class: 'more-rows', hidden: true, on: { click: () => this.#showMore() } });
  #empty = el('p', { class: 'empty' }, 'No decision yet. A request to a listener appears here.');
  #problem = el('div', {});
  #detail = el('aside', { class: 'detail', hidden: true, 'aria-labelledby': 'detail-title' });
  #split = el('div', { class: 'split' });
  /** @type {Record<string, number>} */
  #counts = { granted: 0, refused: 0, limited: 0, failed: 0 };
  #dropped = 0;
  #paused = false;
  /** @type {string | undefined} */
  #opened;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.feed = new DecisionFeed(session, {
      seen: (decision) => this.#count(decision),
      decisions: (fresh, isHistory) => this.#take(fresh, isHistory),
      state: (state) => this.#show(state),
      dropped: (count) => {
        this.#dropped += count;
        this.#update();
      },
      failed: (error) => replace(this.#problem, problemOf(error)),
    });
    const head = el('div', { class: 'live' }, this.#state, this.#pause, this.#chart.element, this.#totals);
    this.#split.append(el('div', { class: 'stream' }, this.#list.element, this.#empty, this.#more), this.#detail);
    const title = el('h1', { id: 'view-title' }, 'Decisions');
    this.element = el(
      'section',
      { 'aria-labelledby': 'view-title' },
      title,
      head,
      this.#filters.element,
      this.#problem,
      this.#split,
    );
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#opened !== undefined) this.#close();
    });
    this.feed.start();
  }

  close() {
    this.feed.stop();
    this.#chart.close();
  }

  /** @param {Decision} decision */
  #count(decision) {
    const kind = kindOf(decision);
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    this.#chart.count(kind !== 'granted');
  }

  /** @param {readonly Decision[]} fresh @param {boolean} isHistory */
  #take(fresh, isHistory) {
    this.#filters.learn(fresh);
    this.#list.add(fresh, isHistory);
    this.#update();
  }

  /** @param {keyof typeof STATES} state */
  #show(state) {
    const [level, words] = STATES[state];
    this.#state.className = `state ${level}`;
    replace(this.#state, words);
  }

  /** @param {(decision: Decision) => boolean} matches */
  #filter(matches) {
    this.#list.filter(matches);
    this.#list.mark(this.#opened);
    this.#update();
    announce(`${counted(this.#list.element.childElementCount, 'decision')} shown.`);
  }

  #showMore() {
    this.#list.showMore();
    this.#update();
  }

  #update() {
    const { granted = 0, refused = 0, limited = 0, failed = 0 } = this.#counts;
    const parts = [`${number(granted)} granted`, `${number(refused)} refused`];
    if (limited > 0) parts.push(`${number(limited)} limited`);
    if (failed > 0) parts.push(`${number(failed)} failed`);
    if (this.#dropped > 0) parts.push(`${number(this.#dropped)} more not streamed`);
    replace(this.#totals, `${parts.join(', ')} since this view opened`);
    const { hidden } = this.#list;
    this.#more.hidden = hidden === 0;
    replace(
      this.#more,
      `Show more (${number(hidden)} of the last ${number(Math.min(MOST_KEPT, this.#list.kept))} are not shown)`,
    );
    const isEmpty = this.#list.element.childElementCount === 0;
    this.#empty.hidden = !isEmpty;
    if (isEmpty && this.#list.kept > 0) replace(this.#empty, 'No decision matches the filters.');
  }

  #toggle() {
    const paused = !this.#paused;
    this.#paused = paused;
    replace(this.#pause, paused ? 'Continue' : 'Pause');
    this.feed.pause(paused);
    announce(paused ? 'The list is paused.' : 'The list continues.');
  }

  /** @param {Decision} decision */
  async #open(decision) {
    this.#opened = decision.id;
    this.#list.mark(decision.id);
    const close = el(
      'button',
      { type: 'button', class: 'quiet', on: { click: () => this.#close() }, 'aria-keyshortcuts': 'Escape' },
      'Close',
    );
    const glossary = await glossaryOf(this.session);
    // Another decision may have been opened since.
    if (this.#opened !== decision.id) return;
    const narrow = (/** @type {string} */ words) => this.#filters.add(words);
    replace(this.#detail, el('div', { class: 'detail-bar' }, close), decisionElement(decision, glossary, narrow));
    this.#detail.hidden = false;
    this.#split.classList.add('has-detail');
    /** @type {HTMLElement | null} */ (this.#detail.querySelector('#detail-title'))?.focus();
  }

  #close() {
    const id = this.#opened ?? '';
    this.#opened = undefined;
    this.#detail.hidden = true;
    replace(this.#detail);
    this.#split.classList.remove('has-detail');
    this.#list.mark(undefined);
    this.#list.focus(id);
  }
}
