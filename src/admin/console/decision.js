/** A decision of the gateway, as the views use it. */
// @ts-check

/**
 * @typedef {object} Decision
 * @property {string} id
 * @property {number} at Unix milliseconds.
 * @property {string} outcome
 * @property {string | undefined} status
 * @property {string} method The HTTP method.
 * @property {string | undefined} host
 * @property {string} path
 * @property {string | undefined} route
 * @property {string | undefined} reason
 * @property {string | undefined} code
 * @property {string} client
 * @property {string | undefined} subject
 * @property {any} record What the gateway sent.
 */

/** The kinds of outcomes that a reader chooses between. */
export const KINDS = /** @type {const} */ ([
  ['all', 'All'],
  ['granted', 'Granted'],
  ['refused', 'Refused'],
  ['limited', 'Limited'],
  ['failed', 'Failed'],
]);

/** @type {Record<string, string>} */
const KIND_OF = {
  granted: 'granted',
  open: 'granted',
  preflight: 'granted',
  answered: 'granted',
  absent: 'refused',
  rejected: 'refused',
  forbidden: 'refused',
  malformed: 'refused',
  unrouted: 'refused',
  limited: 'limited',
  unavailable: 'failed',
  failed: 'failed',
};

/** @param {Decision} decision */
export const kindOf = ({ outcome }) => KIND_OF[outcome] ?? 'refused';

/** @type {Record<string, string>} */
const LEVELS = { granted: 'good', refused: 'bad', limited: 'warn', failed: 'bad' };

/** @param {Decision} decision */
export const levelOf = (decision) => (decision.outcome === 'open' ? 'open' : (LEVELS[kindOf(decision)] ?? 'bad'));

/** @param {any} value */
const text = (value) => (value === undefined || value === null ? undefined : String(value));

/**
 * @param {any} record
 * @returns {Decision}
 */
export function decisionOf(record) {
  return {
    id: String(record.id),
    at: Date.parse(record.time) || 0,
    outcome: String(record.outcome),
    status: text(record.status),
    method: String(record.http_method ?? ''),
    host: text(record.host),
    path: String(record.path ?? ''),
    route: text(record.route),
    reason: text(record.reason),
    code: text(record.code),
    client: String(record.client ?? ''),
    subject: text(record.subject),
    record,
  };
}

/** @typedef {{ kind: string, route: string, reason: string, text: string }} Filter */

/**
 * Words must all be in a decision. `client:` and `subject:` compare a whole value.
 *
 * @param {Filter} filter
 * @returns {(decision: Decision) => boolean}
 */
export function matcherOf({ kind, route, reason, text: words }) {
  const parts = words
    .toLowerCase()
    .split(/\s+/)
    .filter((part) => part !== '');
  return (decision) =>
    (kind === 'all' || kindOf(decision) === kind) &&
    (route === '' || (decision.route ?? NO_ROUTE) === route) &&
    (reason === '' || whyOf(decision) === reason) &&
    parts.every((part) => matches(decision, part));
}

export const NO_ROUTE = 'no route';

/** @param {Decision} decision */
export const whyOf = ({ reason, code, outcome }) => reason ?? code ?? outcome;

/** @param {Decision} decision @param {string} part */
function matches(decision, part) {
  const [, name, value = ''] = /^(client|subject):(.*)$/.exec(part) ?? [];
  if (name === 'client') return decision.client.toLowerCase() === value;
  if (name === 'subject') return (decision.subject ?? '').toLowerCase() === value;
  const { id, status = '', method, host = '', path, route = '', client, subject = '' } = decision;
  return [id, status, method, host, path, route, whyOf(decision), client, subject].some((each) =>
    each.toLowerCase().includes(part),
  );
}
