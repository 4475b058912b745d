/**
 * Whether the time of a refusal reveals how much of an HMAC was right (dudect: Welch's t over two classes of input).
 *
 * `npm run build && node bench/hmac-timing.mjs`; `BENCH_SAMPLES` says how many, 10^6 as a rule.
 */
import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { verifySignature } from '../dist/tokens/algorithms.js';
import { quantile, setting, summary, table, target } from './lib/numbers.mjs';

const SAMPLES = setting('BENCH_SAMPLES', 1_000_000);
const LIMIT = 4.5;
/** Slower than this part of the samples is the machine, not the comparison: dudect crops, too, and at several places. */
const CROPS = [0.5, 0.75, 0.9, 0.95, 0.99];

const key = createSecretKey(randomBytes(48));
const input = Buffer.from('eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjE4MDAwMDAwMDB9');
const right = createHmac('sha256', key).update(input).digest();

/** Wrong in its first byte, and wrong in its last alone. */
const classes = [0, right.length - 1].map((at) => {
  const other = Buffer.from(right);
  other[at] ^= 1;
  return other;
});

function measure(which, into) {
  // A copy, so that both classes lie at the same place of the memory.
  classes[which].copy(signature);
  const start = process.hrtime.bigint();
  const verified = verifySignature('HS256', key, { input, signature });
  into.push(Number(process.hrtime.bigint() - start));
  if (verified) throw new Error('a wrong signature verified');
}

const signature = Buffer.alloc(right.length);
const order = randomBytes(SAMPLES);
const times = [[], []];
for (let at = 0; at < 50_000; at++) measure(at % 2, []);
for (let at = 0; at < SAMPLES; at++) measure(order[at] & 1, times[order[at] & 1]);

const rows = [['cropped at', 'first byte', 'last byte', '|t|']];
let worst = 0;
for (const crop of CROPS) {
  const limit = quantile([...times[0], ...times[1]], crop);
  const [first, last] = times.map((each) => statistics(each.filter((time) => time <= limit)));
  const t = Math.abs(first.mean - last.mean) / Math.sqrt(first.variance / first.count + last.variance / last.count);
  worst = Math.max(worst, t);
  rows.push([`${crop * 100} %`, `${first.mean.toFixed(1)} ns`, `${last.mean.toFixed(1)} ns`, t.toFixed(2)]);
}
console.log(`${SAMPLES} samples of HS256, wrong in the first byte or in the last`);
table(rows);
target('the worst |t|', worst, LIMIT);
summary();

function statistics(values) {
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  const variance = values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (values.length - 1);
  return { mean, variance, count: values.length };
}
