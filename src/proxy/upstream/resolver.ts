/** Resolves the name of an endpoint to all of its addresses, through the system or through name servers of the file. */
import { ADDRCONFIG } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isForbiddenHost } from '../../lib/forbidden-host.js';

export interface Resolution {
  /** Never empty, unless no resolution has succeeded. */
  readonly addresses: readonly string[];
  /** The error code of a resolution that failed, as a whole or for one family. The addresses are then earlier ones. */
  readonly fault?: string;
  /** Addresses that no endpoint may have, and that were left out. */
  readonly forbidden?: number;
}

export interface NameResolver {
  /** `known`: the addresses that a failed resolution keeps. Never rejects. */
  resolve(host: string, known: readonly string[]): Promise<Resolution>;
  close(): void;
}

export function createResolver(servers: readonly string[] | undefined): NameResolver {
  const resolver = servers ? new ServerResolver(servers) : SYSTEM;
  return {
    resolve: async (host, known) => withoutForbidden(await resolver.resolve(host, known), known),
    close: () => resolver.close(),
  };
}

/** A name must not lead where an endpoint of the file must not. */
function withoutForbidden(resolution: Resolution, known: readonly string[]): Resolution {
  const { addresses } = resolution;
  const allowed = addresses.filter((address) => !isForbiddenHost(urlHost(address)));
  const forbidden = addresses.length - allowed.length;
  if (forbidden === 0) return resolution;
  if (allowed.length === 0) return { addresses: known, fault: 'forbidden address', forbidden };
  return { ...resolution, addresses: allowed, forbidden };
}

/** As the host of a URL, which has one spelling. */
function urlHost(address: string): string {
  return new URL(`http://${address.includes(':') ? `[${address}]` : address}`).hostname;
}

/** Reads `/etc/hosts` and search domains, too. */
const SYSTEM: NameResolver = {
  async resolve(host, known) {
    try {
      const found = await lookup(host, { all: true, hints: ADDRCONFIG });
      return { addresses: found.map(({ address }) => address) };
    } catch (error) {
      return { addresses: known, fault: codeOf(error) };
    }
  },
  close: () => undefined,
};

const TIMEOUT_MS = 2_000;
const TRIES = 2;
/** The name exists, or does not exist, and has no address of this family. */
const WITHOUT_ADDRESS: ReadonlySet<string> = new Set(['ENODATA', 'ENOTFOUND']);

class ServerResolver implements NameResolver {
  readonly #resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });

  constructor(servers: readonly string[]) {
    this.#resolver.setServers(servers);
  }

  async resolve(host: string, known: readonly string[]): Promise<Resolution> {
    const [v4, v6] = await Promise.all([
      outcomeOf(this.#resolver.resolve4(host)),
      outcomeOf(this.#resolver.resolve6(host)),
    ]);
    const addressesOf = (outcome: Outcome, family: 4 | 6): readonly string[] => {
      if (typeof outcome !== 'string') return outcome;
      return WITHOUT_ADDRESS.has(outcome) ? [] : known.filter((address) => isIP(address) === family);
    };
    const [of4, of6] = [addressesOf(v4, 4), addressesOf(v6, 6)];
    const addresses = of4.length === 0 || hasIpv6() ? [...of4, ...of6] : of4;
    const faults = [v4, v6].filter((outcome): outcome is string => typeof outcome === 'string');
    const [fault] = addresses.length === 0 ? faults : faults.filter((code) => !WITHOUT_ADDRESS.has(code));
    return { addresses: addresses.length === 0 ? known : addresses, ...(fault !== undefined && { fault }) };
  }

  close(): void {
    this.#resolver.cancel();
  }
}

/** The addresses, or the code of the error. */
type Outcome = readonly string[] | string;

function outcomeOf(asked: Promise<string[]>): Promise<Outcome> {
  return asked.catch(codeOf);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

/** As the resolver of the system does with `AI_ADDRCONFIG`: a machine without IPv6 uses no IPv6 address. */
function hasIpv6(): boolean {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ family, internal, address }) => family === 'IPv6' && !internal && !address.startsWith('fe80:'));
}

/** Makes connections go to one address of a name. */
export function lookupOf(address: string): LookupFunction {
  return answeringWith(() => Promise.resolve({ addresses: [address] }));
}

/** Resolves the name for each new connection, until the first resolution has succeeded. */
export function lookupThrough(resolver: NameResolver): LookupFunction {
  return answeringWith((host) => resolver.resolve(host, []));
}

function answeringWith(resolve: (host: string) => Promise<Resolution>): LookupFunction {
  return (host, { all }, callback) => {
    void resolve(host).then(({ addresses, fault = 'ENOTFOUND' }) => {
      const found = addresses.map((address) => ({ address, family: isIP(address) }));
      const [first] = found;
      if (!first) callback(Object.assign(new Error(`${fault} ${host}`), { code: fault }), '');
      else if (all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}
