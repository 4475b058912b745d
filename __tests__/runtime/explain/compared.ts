/** Compares the explanation of random requests with the live answer, in random configurations. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../../src/config/diagnostics.js';
import { freePorts } from '../../support/ports.js';
import { askedServer, type AskedServer } from '../../tokens/introspection-server.js';
import { Chance } from './chance.js';
import { createCredentials, PASSWORD_HASH, type Credentials } from './credentials.js';
import { answerSeen, atWork, judgedBy, type AtWork } from './live.js';
import { randomRequest, randomWorld } from './worlds.js';

export interface Compared {
  readonly requests: number;
  readonly configurations: number;
  /** How often each outcome was seen. A comparison that only meets one outcome shows little. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly differences: readonly object[];
}

export interface Comparison {
  readonly seed: number;
  readonly configurations: number;
  readonly requestsEach: number;
}

const MOST_DIFFERENCES = 5;

export async function compare({ seed, configurations, requestsEach }: Comparison): Promise<Compared> {
  const credentials = await createCredentials();
  const folder = mkdtempSync(join(tmpdir(), 'loom-explain-'));
  const jwksFile = join(folder, 'keys.json');
  writeFileSync(jwksFile, credentials.jwks);
  const htpasswd = join(folder, 'users');
  writeFileSync(htpasswd, `# users\nada:${PASSWORD_HASH}\n`);
  const issuer = await introspectionServer();
  const backend = createServer({ requireHostHeader: false }, answerSeen);
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const count = new Tally();
  try {
    for (let at = 0; at < configurations; at += 1) {
      const chance = new Chance(seed + at);
      const [own = 0] = await freePorts(1);
      const ports = [own, portOf(backend)] as const;
      const places = { jwksFile, htpasswd, introspection: `${issuer.origin}/introspect` };
      const world = randomWorld(chance, places, ports);
      const working = await open(() => atWork(world, own));
      if (!working) continue;
      count.configurations += 1;
      try {
        await compareIn(working, {
          chance,
          credentials,
          count,
          requestsEach,
          gateway: world.gateway,
          where: { seed: seed + at, world },
        });
      } finally {
        await working.close();
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await issuer.close();
    backend.closeAllConnections();
    await new Promise((resolve) => backend.close(resolve));
  }
  return count;
}

class Tally implements Compared {
  requests = 0;
  configurations = 0;
  readonly outcomes = new Map<string, number>();
  readonly differences: object[] = [];
}

interface Comparing {
  readonly chance: Chance;
  readonly credentials: Credentials;
  readonly count: Tally;
  readonly requestsEach: number;
  readonly gateway: boolean;
  readonly where: object;
}

async function compareIn(
  working: AtWork,
  { chance, credentials, count, requestsEach, gateway, where }: Comparing,
): Promise<void> {
  for (let at = 0; at < requestsEach && count.differences.length < MOST_DIFFERENCES; at += 1) {
    const request = { ...randomRequest(chance, credentials), from: '127.0.0.1' };
    // The server of a host closes the connection without an answer.
    if (request.method === 'CONNECT' && !gateway) continue;
    const explanation = await working.explained(request);
    const live = await working.live(request);
    const explained = judgedBy(explanation, live);
    count.requests += 1;
    const label = `${explanation.outcome} ${explanation.reason ?? explanation.code ?? ''}`.trim();
    count.outcomes.set(label, (count.outcomes.get(label) ?? 0) + 1);
    if (JSON.stringify(explained) !== JSON.stringify(live)) count.differences.push({ request, explained, live, where });
  }
}

/** A random file may have a mistake, such as a restriction that no key satisfies. */
async function open(act: () => Promise<AtWork>): Promise<AtWork | undefined> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof ConfigError) return undefined;
    throw cause;
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

function introspectionServer(): Promise<AskedServer> {
  const now = Math.floor(Date.now() / 1_000);
  const answers: Readonly<Record<string, object>> = {
    'active-1': { active: true, sub: 'ada', scope: 'read write', exp: now + 3_600 },
    'active-2': { active: true, username: 'bob', client_id: 'app' },
    narrow: { active: true, sub: 'ada', scope: 'other' },
    late: { active: true, sub: 'ada', exp: now - 3_600 },
  };
  return askedServer(({ body }, response) => {
    const token = new URLSearchParams(body).get('token') ?? '';
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(answers[token] ?? { active: false }));
  });
}
