/** Requests and decisions as frames. The thread of a plugin runs foreign code, so each decision is checked completely. */
import { LIMITS } from './abi.js';
import { FAULTS, type PluginDecision, type PluginFault, type PluginRequest } from './decision.js';
import { isField, pairsOf, type Pair } from './header-map.js';
import type { Properties } from './properties.js';
import { RingError, type Frame } from './ring.js';

/** `until`: when the gateway refuses the request if it has not begun, in milliseconds of a clock of 32 bits. */
export function requestFrame(id: number, until: number, { pairs, properties, hasBody }: PluginRequest): Frame {
  const texts = [JSON.stringify(properties)];
  for (const [name, value] of pairs) texts.push(name, value);
  return { id, numbers: [until, hasBody ? 1 : 0], texts };
}

/** A request from its frame. Most plugins read no property, so the properties stay a text until then. */
export class FramedRequest implements PluginRequest {
  readonly pairs: readonly Pair[];
  readonly hasBody: boolean;
  readonly #text: string;
  #properties: Properties | undefined;

  constructor(
    { numbers: [, hasBody], texts: [properties = '{}', ...fields] }: Frame,
    readonly body?: Uint8Array,
  ) {
    this.pairs = pairsOf(fields);
    this.hasBody = hasBody === 1;
    this.#text = properties;
  }

  get properties(): Properties {
    return (this.#properties ??= JSON.parse(this.#text) as Properties);
  }
}

const KIND = { continue: 0, respond: 1, fault: 2 } as const;

export function decisionFrame(id: number, decision: PluginDecision): Frame {
  switch (decision.kind) {
    case 'continue': {
      const { set, removed, subject, claims } = decision;
      const counts = [set.length, removed.length, subject === undefined ? 0 : 1];
      const texts = [...set.flat(), ...removed, ...(subject === undefined ? [] : [subject])];
      return { id, numbers: [KIND.continue, ...counts], texts: [...texts, ...Object.entries(claims).flat()] };
    }
    case 'respond': {
      const { status, headers, body } = decision.response;
      const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
      return { id, numbers: [KIND.respond, status], texts: [decision.details, text, ...headers.flat()] };
    }
    case 'fault':
      return { id, numbers: [KIND.fault, FAULTS.indexOf(decision.fault)], texts: [decision.detail] };
  }
}

/** @throws RingError if the frame is not a decision */
export function decisionOf({ numbers, texts }: Pick<Frame, 'numbers' | 'texts'>): PluginDecision {
  const [kind, first = -1, second = -1, third = -1] = numbers;
  if (kind === KIND.continue) return continued(texts, { set: first, removed: second, named: third });
  if (kind === KIND.respond) {
    const [details, body, ...fields] = texts;
    if (details === undefined || body === undefined || first < 200 || first > 599) throw invalid('response');
    const response = { status: first, headers: fieldsOf(fields), body: Buffer.from(body, 'latin1') };
    return { kind: 'respond', response, details };
  }
  const fault: PluginFault | undefined = kind === KIND.fault ? FAULTS[first] : undefined;
  const [detail] = texts;
  if (fault === undefined || detail === undefined) throw invalid('kind');
  return { kind: 'fault', fault, detail };
}

interface Counts {
  readonly set: number;
  readonly removed: number;
  readonly named: number;
}

function continued(texts: readonly string[], { set, removed, named }: Counts): PluginDecision {
  const counts = [set, removed, named];
  const claims = texts.length - set * 2 - removed - named;
  if (counts.some((each) => each < 0) || named > 1 || claims < 0 || claims % 2 !== 0) throw invalid('count');
  let next = 0;
  const take = (count: number): readonly string[] => texts.slice(next, (next += count));
  const fields = fieldsOf(take(set * 2));
  const gone = take(removed);
  const [subject] = take(named);
  const entries = Object.fromEntries(pairsOf(take(claims)));
  return { kind: 'continue', set: fields, removed: gone, claims: entries, ...(subject !== undefined && { subject }) };
}

function fieldsOf(texts: readonly string[]): readonly Pair[] {
  const pairs = pairsOf(texts);
  if (texts.length % 2 !== 0 || pairs.length > LIMITS.headerPairs || !pairs.every(isField)) throw invalid('field');
  return pairs;
}

const invalid = (what: string): RingError => new RingError(`a decision with an invalid ${what}`);
