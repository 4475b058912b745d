/** The tables of `npm run bench`: what each contender costs, and the ratios with their targets; also as Markdown. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { judged, median, table } from './numbers.mjs';
import { BARE, BARE_EXPRESS, BARE_UNDICI, FAST_JWT, HAND_WIRED, HAPROXY, NOOP } from '../peers/index.mjs';

const HPM = 'Loom auth';
const UNDICI = 'Loom auth on undici';

/** The ratio of two contenders, and the greatest that it may be. */
const RATIOS = [
  [`${UNDICI}, warm RS256`, HAPROXY, 1.6],
  [`${UNDICI}, warm RS256`, FAST_JWT, 0.9],
  [`${UNDICI}, warm RS256`, HAND_WIRED, 0.33],
  [`${UNDICI}, public`, BARE_UNDICI, 1.25],
  [`${HPM}, warm RS256`, BARE, 1.2],
  ...[HPM, UNDICI].flatMap((ours) => [
    [`${ours}, api_key`, `${ours}, public`, 1.08],
    [`${ours}, remembered Basic`, `${ours}, public`, 1.08],
    [`${ours}, warm RS256`, `${ours}, public`, 1.1],
    [`${ours}, 401`, NOOP, 2],
  ]),
];

/** What a middleware may add to the route of Express, in microseconds. */
const ADDED = [
  ['Express + Loom, local, api_key', BARE_EXPRESS, 6],
  ['Express + Loom, local, warm RS256', BARE_EXPRESS, 12],
];

/** `file`: a Markdown file with the marks `<!-- bench -->` and `<!-- /bench -->`. */
export function report(contenders, measured, { load, file }) {
  const costs = contenders.map(({ name }) => costOf(name, measured));
  const heads = ['CPU of the process', 'µs/request', 'min–max', '× bare hpm', '× hand-wired'];
  console.log('');
  table([heads, ...costs]);
  console.log('');
  const targets = [...targetsOf(RATIOS, measured, ratio), ...targetsOf(ADDED, measured, difference)];
  if (file) writeReport(file, { heads, costs, targets, load });
}

function costOf(name, measured) {
  const all = measured.get(name);
  const spread = `${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)}`;
  const ratios = [BARE, HAND_WIRED].map((peer) => median(inRounds(measured, [name, peer], ratio)).toFixed(2));
  return [name, median(all).toFixed(0), spread, ...ratios];
}

const ratio = { of: (value, base) => value / base, words: (name, to) => `${name} / ${to}` };
const difference = { of: (value, base) => value - base, words: (name, to) => `${name} above ${to}`, unit: ' µs' };

/** Each ratio within its round. */
function inRounds(measured, [name, to], { of }) {
  const base = measured.get(to);
  return measured.get(name).map((value, round) => of(value, base[round]));
}

function targetsOf(list, measured, kind) {
  return list.flatMap(([name, to, limit]) => {
    if (measured.has(to)) {
      return [judged(kind.words(name, to), inRounds(measured, [name, to], kind), { limit, unit: kind.unit })];
    }
    console.log(`${'LEFT OUT'.padEnd(9)} ${kind.words(name, to)}: ${to} is not installed`);
    return [];
  });
}

const BEGIN = '<!-- bench -->';
const END = '<!-- /bench -->';

function writeReport(file, { heads, costs, targets, load }) {
  const text = readFileSync(file, 'utf8');
  const from = text.indexOf(BEGIN) + BEGIN.length;
  const to = text.indexOf(END);
  if (from < BEGIN.length || to < from) throw new Error(`${file} has no ${BEGIN} before ${END}`);
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const rule = (count) => row(Array.from({ length: count }, (_each, at) => (at === 0 ? '---' : '--:')));
  const lines = [
    '',
    '',
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${availableParallelism()} cores of`,
    `${cpus()[0]?.model ?? 'an unknown processor'}, load average ${loadavg()[0].toFixed(1)}. Load: ${load}.`,
    '',
    row(heads),
    rule(heads.length),
    ...costs.map(row),
    '',
    row(['Ratio within a round', 'median (95 % interval)', 'target', 'result']),
    rule(4),
    ...targets.map(({ what, measured, limit, verdict }) => row([what, measured, `≤ ${limit}`, verdict])),
    '',
    '',
  ];
  writeFileSync(file, text.slice(0, from) + lines.join('\n') + text.slice(to));
  console.log(`\nwritten: ${file}`);
}
