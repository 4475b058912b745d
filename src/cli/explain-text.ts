/** Writes an explanation for people, at most 80 columns wide. */
import { trimmed } from '../lib/trim.js';
import type { ExplainedMethod, Explanation } from '../runtime/explain/explanation.js';
import { printable, type Paint } from './terminal.js';
import { wrapped } from './wrapped.js';

const WIDTH = 80;
const LABEL = 12;

export function renderExplanation(explanation: Explanation, paint: Paint): string {
  const { request, route, near, requirement, methods } = explanation;
  const at = `${request.method} ${request.path}${request.host === null ? '' : ` of ${request.host}`}`;
  const blocks = [
    [headline(explanation, paint)],
    [
      ...row('request', `${at}, from ${request.client}, ${request.tls ? 'with' : 'without'} TLS, at ${request.at}`),
      ...row('route', route ? `${route.id}: ${route.matched}` : 'none'),
      ...near.flatMap((each) => row('near route', `${each.route}: it has ${NEAR[each.differs]} ${each.has}`)),
      ...(requirement === null ? [] : row('requires', requirement)),
    ],
    methods.flatMap((each) => methodRows(each, explanation.cure)),
    [...outcomeRows(explanation), ...admittedRows(explanation)],
    explanation.notes.flatMap((note) => row('note', note)),
  ];
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n');
}

function headline({ allowed, status, code, reason, outcome, needs }: Explanation, paint: Paint): string {
  if (allowed === null) return paint('yellow', `NOT DECIDED: needs ${needs.map(needText).join(', ')}`);
  const facts = [status ?? undefined, code ?? undefined, reason ?? undefined].filter((each) => each !== undefined);
  if (allowed) return paint('green', `ALLOWED ${facts.length > 0 ? facts.join(' ') : `(${outcome})`}`);
  return paint('red', `DENIED ${facts.join(' ')}`);
}

const NEAR: Readonly<Record<Explanation['near'][number]['differs'], string>> = {
  http_method: 'the HTTP method',
  host: 'the host',
  path: 'the path',
  conditions: 'a condition on',
};

const NEEDS: Readonly<Record<Explanation['needs'][number], string>> = {
  key_set: 'the key set (give --jwks FILE or --online)',
  introspection: 'the introspection endpoint (give --online)',
  key_store: 'the key store (give --online)',
  plugin: 'a plugin',
  host_strategy: 'a strategy of the host application',
};

const needText = (need: Explanation['needs'][number]): string => NEEDS[need];

const RESULTS: Readonly<Record<ExplainedMethod['result'], string>> = {
  granted: 'accepted',
  absent: 'no credential for it',
  rejected: 'refused',
  unavailable: 'could not decide',
  answered: 'answered by itself',
  not_evaluated: 'not evaluated',
  not_tried: 'not tried',
};

function methodRows(
  { name, result, looksIn, found, reason, detail, cure }: ExplainedMethod,
  shownCure: string | null,
): readonly string[] {
  const verdict = `${RESULTS[result]}${reason === undefined ? '' : ` (${reason})`}`;
  return [
    ...row(name, result === 'absent' ? (detail ?? verdict) : detail === undefined ? verdict : `${verdict}: ${detail}`),
    ...(looksIn.length === 0 ? [] : row('', `looks in ${looksIn.join(', ')}`)),
    ...(found.kind === 'unknown' || found.kind === 'none' ? [] : row('', foundText(found))),
    ...(cure === undefined || cure === shownCure || result === 'absent' ? [] : row('', `cure: ${cure}`)),
  ];
}

function foundText({ kind, place, length }: ExplainedMethod['found']): string {
  if (kind === 'several') return 'found more than one value';
  if (kind === 'malformed') return 'found a value that is not a credential';
  return `found a value of ${length ?? 0} characters in ${place ?? 'its place'}`;
}

function outcomeRows({ allowed, detail, cure, methods }: Explanation): readonly string[] {
  if (allowed !== false) return [];
  const rest = detail === null ? '' : untold(detail, methods);
  return [...(rest === '' ? [] : row('because', rest)), ...(cure === null ? [] : row('cure', cure))];
}

/** The part of the sentence that no row of a method has. */
function untold(detail: string, methods: readonly ExplainedMethod[]): string {
  const left = methods.reduce((text, each) => text.replace(`${each.name}: ${each.detail ?? ''}`, ''), detail);
  return trimmed(left, ':; ');
}

function admittedRows({ identities, identityHeaders, limits, route, upstreamPath }: Explanation): readonly string[] {
  return [
    ...identities.flatMap(({ method, subject, scopes }) =>
      row('caller', `${subject}, by ${method}${scopes.length === 0 ? '' : `, scopes ${scopes.join(' ')}`}`),
    ),
    ...identityHeaders.flatMap(({ name, value }) => row('header', `${name}: ${value}`)),
    ...(upstreamPath === null ? [] : row('upstream', `${route?.upstream ?? ''} ${upstreamPath}`.trim())),
    ...limits.flatMap(({ scope, requests, seconds, burst }) =>
      row('limit', `${scope}: ${requests} in ${seconds} s, burst ${burst}`),
    ),
  ];
}

/** A label and a text, wrapped beside it. */
function row(label: string, text: string): readonly string[] {
  const [first = '', ...others] = wrapped(printable(text), WIDTH - LABEL);
  const name = printable(label).replaceAll('\n', ' ');
  const head = name.length < LABEL ? [`${name.padEnd(LABEL)}${first}`.trimEnd()] : [name, indented(first)];
  return [...head, ...others.map(indented)];
}

const indented = (line: string): string => `${' '.repeat(LABEL)}${line}`;
