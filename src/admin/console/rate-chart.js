/** Decisions of each second of the last minute, as bars: granted below, refused above. */
// @ts-check
import { svg } from './dom.js';

const SECONDS = 60;
const HEIGHT = 24;

export class RateChart {
  #refused = Array.from({ length: SECONDS }, () => svg('rect', { class: 'refused', width: 3 }));
  #granted = Array.from({ length: SECONDS }, () => svg('rect', { class: 'granted', width: 3 }));
  /** @type {{ granted: number, refused: number }[]} */
  #counts = Array.from({ length: SECONDS }, () => ({ granted: 0, refused: 0 }));
  element = svg(
    'svg',
    {
      class: 'rate',
      viewBox: `0 0 ${SECONDS * 4} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': 'Decisions in the last minute',
    },
    ...this.#granted,
    ...this.#refused,
  );

  constructor() {
    this.timer = setInterval(() => this.#tick(), 1_000);
    this.#draw();
  }

  /** @param {boolean} refused */
  count(refused) {
    const last = this.#counts[SECONDS - 1];
    if (last) last[refused ? 'refused' : 'granted'] += 1;
  }

  /** Decisions in the last whole second. */
  get rate() {
    const { granted, refused } = this.#counts[SECONDS - 2] ?? { granted: 0, refused: 0 };
    return granted + refused;
  }

  close() {
    clearInterval(this.timer);
  }

  #tick() {
    this.#counts.shift();
    this.#counts.push({ granted: 0, refused: 0 });
    this.#draw();
  }

  #draw() {
    const most = Math.max(1, ...this.#counts.map(({ granted, refused }) => granted + refused));
    this.#counts.forEach(({ granted, refused }, at) => {
      const [below, above] = [granted, refused].map((count) => (count / most) * HEIGHT);
      set(this.#granted[at], { x: at * 4, y: HEIGHT - (below ?? 0), height: below ?? 0 });
      set(this.#refused[at], { x: at * 4, y: HEIGHT - (below ?? 0) - (above ?? 0), height: above ?? 0 });
    });
  }
}

/** @param {SVGElement | undefined} bar @param {Record<string, number>} values */
function set(bar, values) {
  for (const [name, value] of Object.entries(values)) bar?.setAttribute(name, value.toFixed(1));
}
