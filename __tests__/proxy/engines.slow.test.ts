/** Both engines forward the same generated exchanges. Upstream and client see the same, and so do the metrics. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { EngineName } from '../../src/config/upstream-types.js';
import { cases } from '../support/fast-check-runs.js';
import { engineExchanges, numbered, type GeneratedExchange } from '../support/engine-exchanges.js';
import { valuesOf, type Message } from '../support/messages.js';
import { exchange } from '../support/raw-exchange.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { until } from '../support/until.js';
import { closeUpstreamGrounds, upstreamGround, type UpstreamGround } from '../support/upstream-ground.js';

const ENGINES: readonly EngineName[] = ['http-proxy-middleware', 'undici'];

/** An engine and its own upstream. */
class Side {
  private constructor(
    private readonly ground: UpstreamGround,
    private readonly upstream: ScriptedUpstream,
  ) {}

  static async open(engine: EngineName): Promise<Side> {
    const upstream = await ScriptedUpstream.start();
    const ground = await upstreamGround([upstream], { plan: { engine, readTimeoutMs: 10_000 } });
    opened.push(upstream);
    return new Side(ground, upstream);
  }

  async run({ method, moves, script, cut }: GeneratedExchange, number: number): Promise<unknown> {
    const { ground, upstream } = this;
    // Both engines have an idle connection, so that both send again where the upstream ends it.
    if (script.after !== 'open') await this.#prime();
    upstream.script = script;
    const told = ground.calls.length;
    const requests: Message[] = [];
    const arrived = (): boolean => {
      const here = upstream
        .take()
        .whole.filter((each) => valuesOf(each, 'x-exchange')[0] === String(number).padStart(6, '0'));
      return requests.push(...here) > 0;
    };
    const beforeReset = (): Promise<void> => (cut ? settled() : until(arrived));
    const pieces = numbered(moves.pieces, number);
    const response = await exchange(ground.port, method, { ...moves, pieces, beforeReset });
    await until(() => ground.upstream.status().endpoints[0]?.inFlight === 0);
    // A connection that the script ends must have ended before the next exchange.
    if (script.after !== 'open' || moves.after !== 'open' || moves.leavesInside === true) await settled();
    arrived();
    const calls = ground.calls.slice(told).map(({ name, facts }) => ({ name, facts: { ...facts, endpoint: '' } }));
    // Timing decides whether the end of an upload arrives after an early answer, and whether a request and its answer
    // arrive whose client closes its side at once: Node's server takes this for a client that has left.
    const isHalf = moves.after === 'half';
    const left = moves.leavesInside === true || moves.after === 'reset';
    return {
      requests: script.early === true || isHalf ? [] : requests.map(seenBy),
      response: left ? undefined : compared(response, script),
      metrics: isHalf ? [] : calls,
    };
  }

  async #prime(): Promise<void> {
    this.upstream.script = { pieces: ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'], after: 'open' };
    await exchange(this.ground.port, 'GET', { pieces: ['GET /prime HTTP/1.1\r\nHost: a\r\n\r\n'], after: 'open' });
    await until(() => this.ground.upstream.status().endpoints[0]?.inFlight === 0);
  }
}

const opened: ScriptedUpstream[] = [];
let sides: readonly Side[] = [];
beforeAll(async () => {
  sides = await Promise.all(ENGINES.map((engine) => Side.open(engine)));
});
afterAll(async () => {
  await closeUpstreamGrounds();
  await Promise.all(opened.map((each) => each.close()));
});

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

/** Fields that each engine writes in its own place. */
const FRAMING = new Set(['host', 'connection', 'content-length', 'transfer-encoding']);

function seenBy({ method, target, fields, body }: Message): unknown {
  const valueOf = (name: string): string | undefined => fields.find(([each]) => each.toLowerCase() === name)?.[1];
  const framing = valueOf('transfer-encoding') !== undefined ? 'chunked' : body === '' ? 'none' : 'length';
  return {
    method,
    target,
    host: valueOf('host'),
    fields: fields.filter(([name]) => !FRAMING.has(name.toLowerCase())),
    body,
    framing: body === '' ? 'none' : framing,
  };
}

/**
 * The bytes of a body that broke off depend on timing, and so does whether the upload had arrived when an early answer was
 * sent: otherwise the connection ends.
 */
function compared(
  { status, head, body, complete }: Awaited<ReturnType<typeof exchange>>,
  { early }: GeneratedExchange['script'],
): unknown {
  const fields = early ? head.filter((line) => !/^(?:connection|keep-alive):/i.test(line)) : head;
  return { status, head: fields, complete, ...(complete && { body }) };
}

test('a generated exchange has the same outcome on both engines', async () => {
  let number = 0;
  const outcomes = (generated: GeneratedExchange): Promise<unknown[]> => {
    number++;
    return Promise.all(sides.map((side) => side.run(generated, number)));
  };
  const property = fc.asyncProperty(engineExchanges, async (generated) => {
    let [reference, other] = await outcomes(generated);
    // A race between two connections may end in two ways with the same engine. A difference of the engines is there again.
    for (let again = 0; again < 2 && !isDeepStrictEqual(reference, other); again++)
      [reference, other] = await outcomes(generated);
    expect(other).toEqual(reference);
  });
  await fc.assert(property, cases(250, { cost: 100 }));
});
