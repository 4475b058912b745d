/** Reads Loom's own spellings: moves each alias to the option of this project, and reports what is not built. */
import type { DocumentNode } from '../document.js';
import { nodeAt } from '../document.js';
import { formatPath, type Path, type Report } from '../report.js';
import { ALIASES, LIMIT_KEYS, RATES, SPELLINGS, UNBUILT, UNBUILT_FIELDS, type Alias, type Spelling } from './names.js';
import { filled, partsOf, placesOf, type Place } from './option-paths.js';

/** Changes the tree in place. It runs before references are resolved, so that a moved secret is known as a secret. */
export function applyLoomNames(root: DocumentNode, report: Report): void {
  for (const pattern of RATES) for (const place of placesOf(root, pattern)) wrapRate(place);
  readStore(root, report);
  for (const alias of ALIASES)
    for (const place of placesOf(root, alias.from)) moveAlias(root, { alias, place, report });
  readDefaultTier(root, report);
  for (const spelling of SPELLINGS) respell(root, spelling, report);
  for (const pattern of LIMIT_KEYS) for (const place of placesOf(root, pattern)) respellKey(place);
  readWeights(root, report);
  dropUnbuilt(root, report);
}

type Mapping = DocumentNode & { readonly children: Map<string | number, DocumentNode> };

function mapping(at: Pick<DocumentNode, 'offset' | 'keyOffset'>): Mapping {
  const key = at.keyOffset === undefined ? {} : { keyOffset: at.keyOffset };
  return { kind: 'map', value: undefined, offset: at.offset, ...key, children: new Map() };
}

function wrapRate({ parent, key, node }: Place): void {
  if (node.kind !== 'scalar' || typeof node.value === 'boolean' || node.value === null) return;
  const block = mapping(node);
  block.children.set('rate', node);
  parent.children?.set(key, block);
}

interface Move {
  readonly alias: Alias;
  readonly place: Place;
  readonly report: Report;
}

function moveAlias(root: DocumentNode, { alias, place, report }: Move): void {
  const { node, path } = place;
  if (filled(alias.to, path).length < path.length && partsOf(alias.to).at(-1) !== '*')
    return unwrap(root, place, report);
  if (partsOf(alias.to).at(-1) !== '*') {
    put(root, { node, from: path, to: filled(alias.to, path), report });
  } else if (node.kind === 'map') {
    const to = filled(alias.to, path).slice(0, -1);
    for (const [key, child] of node.children ?? []) {
      const from = [...path, key];
      if (key === 'enabled') report.error({ path: from, code: 'unknown_name', message: switches(to), at: 'key' });
      else put(root, { node: child, from, to: [...to, key], report });
    }
  } else return;
  place.parent.children?.delete(place.key);
}

/** `rate_limit: { default: { enabled: false } }` looks like one limit and would switch off the quotas too. */
function switches(block: Path): string {
  return `would switch the whole block; write ${formatPath([...block, 'enabled'])}`;
}

/** `buckets: {latency: […]}` is `buckets: […]`. Other keys of the mapping stay, and are unknown. */
function unwrap(root: DocumentNode, { node, path, parent }: Place, report: Report): void {
  const block = path.slice(0, -1);
  if (parent.children?.size !== 1) return;
  nodeAt(root, block.slice(0, -1)).node.children?.set(block.at(-1) ?? '', node);
  report.moved(block, path);
}

interface Put {
  readonly node: DocumentNode;
  readonly from: Path;
  readonly to: Path;
  readonly report: Report;
}

function put(root: DocumentNode, { node, from, to, report }: Put): void {
  const parent = parentFor(root, to, node);
  const key = to.at(-1) ?? '';
  if (!parent?.children) return;
  if (parent.children.has(key)) {
    const message = `is the same as ${formatPath(to)}; keep one of the two`;
    report.error({ path: from, code: 'two_sources', message, at: 'key' });
    return;
  }
  parent.children.set(key, node);
  report.moved(to, from);
}

/** The mapping that holds the last part of a path. Missing mappings are made. */
function parentFor(root: DocumentNode, to: Path, like: DocumentNode): DocumentNode | undefined {
  let level = root;
  for (const part of to.slice(0, -1)) {
    const next = level.children?.get(part) ?? mapping(like);
    if (next.kind === 'scalar') return undefined;
    level.children?.set(part, next);
    level = next;
  }
  return level;
}

/** `store: memory` is the default. Its type decides, and the options of the other store have no effect. */
function readStore(root: DocumentNode, report: Report): void {
  for (const place of placesOf(root, 'rate_limit.store')) {
    const { node, parent } = place;
    const type = node.kind === 'scalar' ? node : node.children?.get('type');
    const redis = node.children?.get('redis');
    if (type?.value === 'memory') {
      const message = 'has no effect beside type: memory';
      if (redis) report.warning({ path: [...place.path, 'redis'], code: 'no_effect', message, at: 'key' });
      parent.children?.delete('store');
    } else if (node.kind === 'scalar') {
      const block = mapping(node);
      block.children.set('type', node);
      parent.children?.set('store', block);
    } else if (type === undefined && redis) {
      node.children?.set('type', { kind: 'scalar', value: 'redis', offset: redis.offset });
    }
  }
}

/** A tier without `match` has the callers of no other tier, as `rate` of the block does. */
const TIER_OPTIONS: readonly unknown[] = ['name', 'rate', 'burst'];

function readDefaultTier(root: DocumentNode, report: Report): void {
  const tiers = placesOf(root, 'rate_limit.tiers[]').filter(
    ({ node: { children } }) =>
      children?.has('rate') && [...children.keys()].every((option) => TIER_OPTIONS.includes(option)),
  );
  for (const { node, parent, key, path } of tiers) {
    for (const option of ['rate', 'burst']) {
      const value = node.children?.get(option);
      if (value) put(root, { node: value, from: [...path, option], to: ['rate_limit', option], report });
    }
    parent.children?.delete(key);
  }
  if (tiers.length === 0) return;
  renumber(root, 'rate_limit.tiers[]', report);
  const list = placesOf(root, 'rate_limit.tiers').find(({ node }) => node.children?.size === 0);
  list?.parent.children?.delete('tiers');
}

function respell(root: DocumentNode, { at, words }: Spelling, report: Report): void {
  for (const { node, parent, key, path } of placesOf(root, at)) {
    if (typeof node.value !== 'string' || !Object.hasOwn(words, node.value)) continue;
    const word = words[node.value];
    if (typeof word !== 'string') parent.children?.delete(key);
    else if (parent.kind === 'list' && [...(parent.children ?? [])].some(([, other]) => other.value === word)) {
      report.error({
        path,
        code: 'two_sources',
        message: `is the same as ${JSON.stringify(word)}; keep one of the two`,
      });
      node.value = word;
    } else node.value = word;
  }
  renumber(root, at, report);
}

/** A list without some of its items counts from 0 again. */
function renumber(root: DocumentNode, at: string, report: Report): void {
  if (!at.endsWith('[]')) return;
  for (const { node, path } of placesOf(root, at.slice(0, -2))) {
    const items = [...(node.children ?? [])];
    if (node.kind !== 'list' || items.every(([key], index) => key === index)) continue;
    node.children?.clear();
    items.forEach(([key, item], index) => {
      node.children?.set(index, item);
      if (key !== index) report.moved([...path, index], [...path, key]);
    });
  }
}

function respellKey({ node }: Place): void {
  if (typeof node.value !== 'string') return;
  node.value = node.value.replace(/\$\{(client_ip|(?:header|jwt):[^{}]*)\}/g, (_, part: string) =>
    part === 'client_ip' ? 'ip' : part,
  );
}

/** Loom also writes weights as a mapping from the endpoint to its weight. */
function readWeights(root: DocumentNode, report: Report): void {
  for (const { node, parent, path } of placesOf(root, 'upstreams[].weights')) {
    const endpoints = [...(parent.children?.get('endpoints')?.children?.values() ?? [])].map(({ value }) => value);
    if (node.kind !== 'map' || !node.children) continue;
    const named = node.children;
    for (const key of named.keys()) {
      if (endpoints.includes(String(key))) continue;
      report.error({ path: [...path, key], code: 'unknown_name', message: 'is not in endpoints', at: 'key' });
    }
    const weights = endpoints.flatMap((endpoint) => named.get(String(endpoint)) ?? []);
    const children = new Map<string | number, DocumentNode>(weights.map((weight, at) => [at, weight]));
    parent.children?.set('weights', { ...node, kind: 'list', children });
  }
}

function dropUnbuilt(root: DocumentNode, report: Report): void {
  for (const { at, level, message, harmless = [] } of UNBUILT) {
    for (const { node, parent, key, path } of placesOf(root, at)) {
      const silent = isOff(node) || harmless.some((value) => isSame(node, value));
      if (!silent) report[level]({ path, code: 'not_built', message, at: 'key' });
      parent.children?.delete(key);
    }
  }
  for (const { node, parent, key, path } of placesOf(root, 'logging.access.fields[]')) {
    if (typeof node.value !== 'string' || !UNBUILT_FIELDS.includes(node.value)) continue;
    report.warning({ path, code: 'not_built', message: 'is not built: no line has this field' });
    parent.children?.delete(key);
  }
  renumber(root, 'logging.access.fields[]', report);
}

function isOff(node: DocumentNode): boolean {
  const { node: enabled, exact } = nodeAt(node, ['enabled']);
  return exact && node.kind === 'map' && enabled.value === false;
}

function isSame({ kind, value, children }: DocumentNode, harmless: unknown): boolean {
  if (typeof harmless !== 'object' || harmless === null) return kind === 'scalar' && value === harmless;
  return kind === (Array.isArray(harmless) ? 'list' : 'map') && children?.size === 0;
}
