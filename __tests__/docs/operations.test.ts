/** What operations.md says of commands, metrics and log fields is all that there is. */
import { COMMANDS, METRIC_NAMES, OUTCOMES } from './names.js';
import { pageOf } from './pages.js';

const { prose, text } = pageOf('docs/operations.md');

test('its commands are those of the program', () => {
  const rows = [...prose.matchAll(/^\| `loom-auth [^|]+\|/gm)].join(' ');
  const named = Array.from(rows.matchAll(/`(?:loom-auth )?([a-z][a-z-]+)/g), ([, name = '']) => name);
  expect(named.sort()).toEqual([...COMMANDS].sort());
});

test('every metric answers a question of its table', () => {
  expect([...METRIC_NAMES].filter((name) => !prose.includes(`\`${name}\``))).toEqual([]);
});

test('every outcome of a decision is listed', () => {
  const [, listed = ''] = /`outcome` of `loom_decisions_total` is one of ([^.]+)\./.exec(text) ?? [];
  const named = Array.from(listed.matchAll(/`(\w+)`/g), ([, word = '']) => word);
  expect(named.sort()).toEqual([...OUTCOMES].sort());
});
