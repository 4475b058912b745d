/** HTTP calls of plugins to the upstreams that their file allows: bounded in number, time and size, redirects not followed. */
import { request as httpRequest, type Agent, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { LIMITS } from './abi.js';
import { FAILED_CALL, type CallResponse, type OutboundCall } from './decision.js';
import { isPerHop } from '../http/header-policy.js';
import type { Pair } from './header-map.js';
import { Pace } from './pace.js';

/** Where calls to one upstream go, each in its turn. */
export interface CallTarget {
  readonly url: URL;
  readonly tls?: SecureContextOptions & { readonly rejectUnauthorized?: boolean };
}

export type CallTargets = ReadonlyMap<string, () => CallTarget>;

/** False where so many bytes more are too many. */
type Hold = (bytes: number) => boolean;

/** In one turn of the event loop: a plugin that calls a thousand times at once must not hold up everybody else's requests. */
const STARTS_A_TURN = 8;

export class CallOuts {
  #open = 0;
  /** Bytes of open calls, and of their answers until these are told. */
  #held = 0;
  readonly #pace = new Pace(STARTS_A_TURN);
  readonly #abort = new AbortController();

  constructor(
    private readonly targets: CallTargets,
    private readonly agents: { readonly http: Agent; readonly https: Agent },
  ) {}

  /** False where too many are under way, or the upstream is not there; else `answered` is called exactly once. */
  start(call: OutboundCall, answered: (response: CallResponse) => void): boolean {
    const target = this.targets.get(call.upstream)?.();
    if (!target || this.#open >= LIMITS.openCalls || this.#abort.signal.aborted) return false;
    let held = 0;
    const hold: Hold = (bytes) => {
      if (this.#held + bytes > LIMITS.callBytes) return false;
      this.#held += bytes;
      held += bytes;
      return true;
    };
    if (!hold(sizeOf(call))) return false;
    this.#open += 1;
    void this.#ask(call, target, hold)
      .catch(() => FAILED_CALL)
      .then((response) => {
        this.#open -= 1;
        this.#held -= held;
        answered(response);
      });
    return true;
  }

  close(): void {
    this.#abort.abort();
    this.agents.http.destroy();
    this.agents.https.destroy();
  }

  async #ask(call: OutboundCall, { url, tls }: CallTarget, hold: Hold): Promise<CallResponse> {
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(call.timeoutMs)]);
    await this.#pace.turn();
    signal.throwIfAborted();
    const secure = url.protocol === 'https:';
    const options = {
      ...{ protocol: url.protocol, hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port },
      ...{ method: pseudo(call.pairs, ':method'), path: pathOf(call.pairs), headers: fieldsOf(call), signal },
      agent: secure ? this.agents.https : this.agents.http,
    };
    // Without it Node takes the name from `Host`, and the plugin would choose whose certificate is good.
    const servername = isIP(options.hostname) === 0 ? options.hostname : '';
    const outgoing = secure ? httpsRequest({ ...options, ...tls, servername }) : httpRequest(options);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve).once('error', reject);
      // An answer to CONNECT, or 101, is neither: Node drops the socket and says no more.
      outgoing.once('close', () => reject(new Error('no answer')));
      outgoing.end(call.body);
    });
    const body = await whole(response, hold);
    return {
      pairs: [[':status', String(response.statusCode)], ...pairsOf(response.rawHeaders)],
      body,
      trailers: pairsOf(response.rawTrailers),
    };
  }
}

const sizeOf = ({ pairs, body }: OutboundCall): number =>
  pairs.reduce((sum, [name, value]) => sum + name.length + value.length, body.length);

const pseudo = (pairs: readonly Pair[], name: string): string => pairs.find(([each]) => each === name)?.[1] ?? '';

/** Absolute forms and white space would lead elsewhere than the upstream that the file allows. */
function pathOf(pairs: readonly Pair[]): string {
  const path = pseudo(pairs, ':path');
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw new TypeError('the path of a call must begin with / and be visible ASCII');
  return path;
}

function fieldsOf({ pairs, body }: OutboundCall): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    // The host writes these itself: they belong to its connection and its message.
    if (lower.startsWith(':') || isPerHop(lower)) continue;
    const earlier = fields[lower];
    fields[lower] = earlier === undefined ? value : [earlier, value].flat();
  }
  return { ...fields, host: pseudo(pairs, ':authority'), 'content-length': String(body.length) };
}

function pairsOf(raw: readonly string[]): readonly Pair[] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? ''] as const] : []));
}

async function whole(response: IncomingMessage, hold: Hold): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LIMITS.callResponseBytes || !hold(chunk.length))
      throw new RangeError('the answer to a call is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
