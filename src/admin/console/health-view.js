/** The state of the gateway: what needs attention first, then each part. */
// @ts-check
import { el, replace } from './dom.js';
import { attentionOf } from './attention.js';
import { sectionsOf } from './health-sections.js';
import { problemOf } from './problem.js';

const EVERY_MS = 5_000;

/**
 * @param {import('./main.js').Context} context
 * @returns {import('./main.js').View}
 */
export function healthView({ status: first, refresh }) {
  /** The number of the worker that is shown. @type {unknown} */
  let chosen;
  let latest = first;
  const attention = el('div', {});
  const body = el('div', { class: 'health' });
  const problem = el('div', {});
  const workers = el('div', {});
  const draw = () => {
    const { processes } = latest;
    const shown = processes.find((/** @type {any} */ each) => each.pid === chosen) ?? processes[0];
    replace(attention, attentionElement(latest));
    replace(workers, processes.length > 1 && choice(processes, shown));
    const open = new Set(Array.from(body.querySelectorAll('details[open]'), ({ id }) => id));
    replace(body, sectionsOf(latest, shown));
    for (const each of body.querySelectorAll('details')) each.open = open.has(each.id) || each.open;
  };
  /** @param {readonly any[]} processes @param {any} shown */
  const choice = (processes, shown) => {
    const labels = processes.map(({ worker, pid }) =>
      el(
        'label',
        {},
        el('input', { type: 'radio', name: 'worker', checked: pid === shown.pid, on: { change: () => choose(pid) } }),
        el('span', {}, `Worker ${worker ?? pid}`),
      ),
    );
    return el('fieldset', { class: 'choice' }, el('legend', { class: 'unseen' }, 'Worker shown'), labels);
  };
  /** @param {unknown} pid */
  const choose = (pid) => {
    chosen = pid;
    draw();
    workers.querySelector('input:checked')?.scrollIntoView({ block: 'nearest' });
    /** @type {HTMLElement | null} */ (workers.querySelector('input:checked'))?.focus();
  };
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      latest = await refresh();
      replace(problem);
      // The choice of the worker keeps its focus.
      if (!workers.contains(document.activeElement)) draw();
    } catch (error) {
      replace(problem, problemOf(error));
    }
  }, EVERY_MS);
  draw();
  const title = el('h1', { id: 'view-title' }, 'Health');
  const element = el('section', { 'aria-labelledby': 'view-title' }, title, problem, attention, workers, body);
  return { element, close: () => clearInterval(timer) };
}

/** @param {any} status */
function attentionElement(status) {
  const found = attentionOf(status);
  if (found.length === 0)
    return el('p', { class: 'lead' }, el('span', { class: 'state good' }, 'Nothing needs attention'));
  const items = found.map(({ level, text, detail }) =>
    el(
      'li',
      { class: level },
      el('span', { class: `state ${level}` }, level === 'bad' ? 'Fault' : 'Warning'),
      el('span', {}, text, detail && el('small', {}, detail)),
    ),
  );
  return el('ul', { class: 'attention', 'aria-label': 'Needs attention' }, items);
}
