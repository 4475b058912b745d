/** The pages of the syntax errors. */
import { auth, API_KEY, bare, KEYS_GUARD_ALL, page, type RulePage } from './example.js';
import type { SYNTAX_CODES } from '../syntax-codes.js';

const realm = (value: string): string =>
  auth(`basic: { realm: ${value}, users: [{ username: ops, password_hash: "\${OPS_HASH}" }] }`, 'chain: [basic]');
const listed =
  '    api_key:\n      keys:\n        - key: "${ORDERS_KEY}"\n          name: orders\n    chain: [api_key]\n';
const TEN = (item: string): string => `[${Array.from({ length: 10 }, () => item).join(', ')}]`;

export const SYNTAX_PAGES: Readonly<Record<keyof typeof SYNTAX_CODES, RulePage>> = {
  alias_props: page(
    'An alias repeats a value. A second tag or anchor would give one value two meanings.',
    auth(
      'basic: { realm: &name shop, users: [{ username: !!str *name, password_hash: "${OPS_HASH}" }] }',
      'chain: [basic]',
    ),
    auth('basic: { realm: &name shop, users: [{ username: *name, password_hash: "${OPS_HASH}" }] }', 'chain: [basic]'),
  ),
  bad_alias: page(
    'A value that begins with `*` is an alias in YAML. Without the anchor it has no value, so a route would be missing.',
    'routes:\n  - path: *\n    auth: none\n',
    'routes:\n  - path: "/*"\n    auth: none\n',
  ),
  bad_collection_type: bare('The tag and the value contradict each other. Loom reads no tag of a mapping or list.'),
  bad_directive: page(
    'A directive changes how the file is read. Loom reads YAML 1.2 only, and ignores nothing.',
    `%LOOM 1\n---\n${KEYS_GUARD_ALL}`,
    KEYS_GUARD_ALL,
  ),
  bad_dq_escape: page(
    'In double quotes a backslash begins an escape. An unknown one has no meaning, so the value would be a guess.',
    'routes:\n  - path: /a\n    auth: none\n    headers: { X-Version: "^\\d+$" }\n',
    "routes:\n  - path: /a\n    auth: none\n    headers: { X-Version: '^\\d+$' }\n",
  ),
  bad_indent: page(
    'Indentation decides which block an option belongs to. A line that fits no block could guard nothing.',
    'routes:\n  - path: /a\n      auth: none\n',
    'routes:\n  - path: /a\n    auth: none\n',
  ),
  bad_prop_order: page(
    'An anchor in front of `?`, `-` or `:` names nothing.',
    `&all ? middleware\n: ${'{ auth: { api_key: { keys: [{ key: "${ORDERS_KEY}", name: orders }] }, chain: [api_key] } }'}\n`,
    KEYS_GUARD_ALL,
  ),
  bad_scalar_start: page(
    'YAML reserves `@` and the backtick at the beginning of a value.',
    realm('@shop'),
    realm('"@shop"'),
  ),
  big_number: page(
    'A number of this size loses digits when it is read, so another value would count.',
    'routes:\n  - path: /a\n    auth: none\n    priority: 123456789012345678901234567890\n',
    'routes:\n  - path: /a\n    auth: none\n    priority: 123456\n',
  ),
  block_as_implicit_key: page(
    'Two colons on one line can be read in two ways.',
    'routes:\n  - path: /a\n    auth: jwt: true\n',
    'routes:\n  - path: /a\n    auth: none\n',
  ),
  block_in_flow: page(
    'Inside of brackets indentation has no meaning, so a `-` there is no item.',
    `middleware:\n  auth:\n    ${API_KEY}\n    chain: [\n      - api_key\n    ]\n`,
    KEYS_GUARD_ALL,
  ),
  cyclic_alias: page(
    'A value that contains itself never ends.',
    `${KEYS_GUARD_ALL}cache: { enabled: false, rules: &all [*all] }\n`,
    `${KEYS_GUARD_ALL}cache: { enabled: false }\n`,
  ),
  duplicate_key: page(
    'Readers disagree on which of two equal keys counts. One of them could open the route.',
    'routes:\n  - path: /a\n    auth: none\n    auth: none\n',
    'routes:\n  - path: /a\n    auth: none\n',
  ),
  empty: page(
    'An empty file guards nothing. It is often a file that was not written to the end.',
    '# nothing',
    KEYS_GUARD_ALL,
  ),
  hidden_character: page(
    'Some characters change what an editor shows. A reviewer would approve another file than Loom reads.',
    realm('"shop‹U+202E›pohs"'),
    realm('"shop\\u202epohs"'),
  ),
  impossible: bare('The parser keeps this code for a state that it does not expect.'),
  key_over_1024_chars: page(
    'YAML limits the length of a key. Such a key is nearly always a missing quote.',
    `"‹k, 1030 times›": 1\n${KEYS_GUARD_ALL}`,
    KEYS_GUARD_ALL,
  ),
  merge_key: page(
    'YAML 1.1 merges `<<`, YAML 1.2 does not. The two readings give a route another `auth`.',
    'routes:\n  - &open\n    path: /a\n    auth: none\n  - <<: *open\n    path: /b\n    auth: none\n',
    'routes:\n  - path: /a\n    auth: none\n  - path: /b\n    auth: none\n',
  ),
  missing_char: page(
    'Without the closing quote the rest of the file would be one value.',
    'routes:\n  - path: "/a\n    auth: none\n',
    'routes:\n  - path: "/a"\n    auth: none\n',
  ),
  multiline_implicit_key: page(
    'A key on several lines is nearly always a missing colon.',
    `middleware:\n  auth:\n${listed.replace('chain: [api_key]', 'chain\n    [api_key]: 1')}`,
    `middleware:\n  auth:\n${listed}`,
  ),
  multiple_anchors: page('One value needs one name.', realm('&a &b shop'), realm('&a shop')),
  multiple_docs: bare('The parser keeps this code. Loom reports `several_documents`.'),
  multiple_tags: page('Two tags of one value contradict each other.', realm('!!str !!str shop'), realm('!!str shop')),
  non_string_key: bare('The parser keeps this code. Loom reports `wrong_key`.'),
  not_text: page(
    'A NUL shows that the file is UTF-16 or no text at all. Some readers end the text there.',
    `${KEYS_GUARD_ALL}# ‹U+0000›`,
    KEYS_GUARD_ALL,
  ),
  resource_exhaustion: page(
    'Deep nesting makes a parser slow, and no honest file has it.',
    `${KEYS_GUARD_ALL}trusted_proxies: ‹[, 20000 times›‹], 20000 times›\n`,
    KEYS_GUARD_ALL,
  ),
  several_documents: page(
    'Only one document can count. The rules of the other one would be lost.',
    `${KEYS_GUARD_ALL}---\nroutes: [{ path: /a, auth: none }]\n`,
    `${KEYS_GUARD_ALL}routes: [{ path: /a, auth: none }]\n`,
  ),
  tab_as_indent: page(
    'Editors show a tab with different widths, so the block that a line seems to be in is a guess.',
    'routes:\n\t- path: /a\n\t  auth: none\n',
    'routes:\n  - path: /a\n    auth: none\n',
  ),
  tag_resolve_failed: page(
    'A tag changes the type of a value. Loom knows the tags of YAML 1.2 only.',
    'routes:\n  - path: !path /a\n    auth: none\n',
    'routes:\n  - path: /a\n    auth: none\n',
  ),
  too_deep: page(
    'No option is nested that deeply. Deep values make a parser slow.',
    `${KEYS_GUARD_ALL}cache: { enabled: false, rules: ‹[, 70 times›‹], 70 times› }\n`,
    KEYS_GUARD_ALL,
  ),
  too_many_aliases: page(
    'A few lines of aliases can repeat a value a billion times, which fills the memory.',
    `${KEYS_GUARD_ALL}cache:\n  enabled: false\n  rules:\n    - &a ${TEN('x')}\n    - &b ${TEN('*a')}\n    - &c ${TEN('*b')}\n    - ${TEN('*c')}\n`,
    `${KEYS_GUARD_ALL}cache: { enabled: false }\n`,
  ),
  unexpected_token: page(
    'A character that has no meaning here is often a bracket too many, and the blocks below move.',
    realm('"shop" and more'),
    realm('"shop and more"'),
  ),
  unreadable: page(
    'Without its file Loom does not know who may pass, so it does not start.',
    '‹the bytes FF FE›',
    KEYS_GUARD_ALL,
  ),
  yaml_1_1: page(
    'YAML 1.1 reads `yes`, `on` and `off` as booleans. Loom reads YAML 1.2.',
    `%YAML 1.1\n---\n${KEYS_GUARD_ALL}`,
    KEYS_GUARD_ALL,
  ),
};
