/**
 * Sends the HTTP calls of plugins to the upstreams that the file allows. Number, time and size are bounded. Redirects
 * are not followed.
 */
import { request as httpRequest, type Agent, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { LIMITS } from './abi.js';
import { FAILED_CALL, type CallResponse, type OutboundCall } from './decision.js';
import { isPerHop } from '../http/header-policy.js';
import { hostOf } from '../lib/address.js';
import { pairsOf, type Pair } from './header-map.js';

/** The target of calls to one upstream. */
export interface CallTarget {
  readonly url: URL;
  readonly tls?: SecureContextOptions & { readonly rejectUnauthorized?: boolean };
}

export type CallTargets = ReadonlyMap<string, () => CallTarget>;

/** Reserves bytes. Returns false if the limit would be exceeded. */
type Hold = (bytes: number) => boolean;

interface Asked {
  readonly target: CallTarget;
  readonly hold: Hold;
  readonly signal: AbortSignal;
}

/**
 * Calls started in one turn of the event loop. A plugin that starts a thousand calls at once must not delay other
 * requests.
 */
const STARTS_A_TURN = 8;

/** Limits how many callers proceed in each turn of the event loop. The others wait for a later turn, in order. */
export class TurnLimiter {
  #acted = 0;
  #isRenewing = false;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#acted >= this.most) this.#waiting.push(resolve);
      else this.#act(resolve);
    });
  }

  #act(act: () => void): void {
    this.#acted += 1;
    act();
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    setImmediate(() => this.#renew());
  }

  #renew(): void {
    this.#isRenewing = false;
    this.#acted = 0;
    for (const each of this.#waiting.splice(0, this.most)) this.#act(each);
  }
}

export class CallOuts {
  /**
   * The end of each open call. Each call has a timer, because `AbortSignal.any` loses the timeout of a call that waits for
   * its start: https://github.com/nodejs/node/issues/65995.
   */
  readonly #open = new Set<AbortController>();
  #isClosed = false;
  /** Bytes of open calls, and of their responses until the plugin has received them. */
  #held = 0;
  readonly #starts = new TurnLimiter(STARTS_A_TURN);

  constructor(
    private readonly targets: CallTargets,
    private readonly agents: { readonly http: Agent; readonly https: Agent },
  ) {}

  /** Returns false if too many calls are open or the upstream is unknown. Otherwise calls `answered` exactly once. */
  start(call: OutboundCall, answered: (response: CallResponse) => void): boolean {
    const target = this.targets.get(call.upstream)?.();
    if (!target || this.#open.size >= LIMITS.openCalls || this.#isClosed) return false;
    let held = 0;
    const hold: Hold = (bytes) => {
      if (this.#held + bytes > LIMITS.callBytes) return false;
      this.#held += bytes;
      held += bytes;
      return true;
    };
    if (!hold(sizeOf(call))) return false;
    const end = new AbortController();
    this.#open.add(end);
    const timeout = setTimeout(() => end.abort(), call.timeoutMs);
    void this.#ask(call, { target, hold, signal: end.signal })
      .catch(() => FAILED_CALL)
      .then((response) => {
        clearTimeout(timeout);
        this.#open.delete(end);
        this.#held -= held;
        answered(response);
      });
    return true;
  }

  close(): void {
    this.#isClosed = true;
    for (const each of this.#open) each.abort();
    this.agents.http.destroy();
    this.agents.https.destroy();
  }

  async #ask(call: OutboundCall, { target: { url, tls }, hold, signal }: Asked): Promise<CallResponse> {
    await this.#starts.turn();
    signal.throwIfAborted();
    const secure = url.protocol === 'https:';
    const options = {
      ...{ protocol: url.protocol, hostname: hostOf(url), port: url.port },
      ...{ method: pseudo(call.pairs, ':method'), path: pathOf(call.pairs), headers: fieldsOf(call), signal },
      agent: secure ? this.agents.https : this.agents.http,
    };
    // Without `servername` Node takes the name from `Host`. The plugin could then choose which certificate is accepted.
    const servername = isIP(options.hostname) === 0 ? options.hostname : '';
    const outgoing = secure ? httpsRequest({ ...options, ...tls, servername }) : httpRequest(options);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve).once('error', reject);
      // For a response to CONNECT, or for 101, Node emits neither event. It only closes the socket.
      outgoing.once('close', () => reject(new Error('no answer')));
      outgoing.end(call.body);
    });
    const body = await whole(response, hold);
    return {
      pairs: [[':status', String(response.statusCode)], ...lowerCased(response.rawHeaders)],
      body,
      trailers: lowerCased(response.rawTrailers),
    };
  }
}

const sizeOf = ({ pairs, body }: OutboundCall): number =>
  pairs.reduce((sum, [name, value]) => sum + name.length + value.length, body.length);

const pseudo = (pairs: readonly Pair[], name: string): string => pairs.find(([each]) => each === name)?.[1] ?? '';

/** Rejects absolute URLs and white space: they could reach another server than the allowed upstream. */
function pathOf(pairs: readonly Pair[]): string {
  const path = pseudo(pairs, ':path');
  if (!/^\/[\x21-\x7e]*$/.test(path))
    throw new TypeError('the path of a call must begin with / and contain only visible ASCII characters');
  return path;
}

function fieldsOf({ pairs, body }: OutboundCall): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    // The host writes these fields itself, because they belong to its connection and its message.
    if (lower.startsWith(':') || isPerHop(lower)) continue;
    const earlier = fields[lower];
    fields[lower] = earlier === undefined ? value : [earlier, value].flat();
  }
  return { ...fields, host: pseudo(pairs, ':authority'), 'content-length': String(body.length) };
}

function lowerCased(raw: readonly string[]): readonly Pair[] {
  return pairsOf(raw).map(([name, value]) => [name.toLowerCase(), value]);
}

async function whole(response: IncomingMessage, hold: Hold): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LIMITS.callResponseBytes || !hold(chunk.length))
      throw new RangeError('the response to a call is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
