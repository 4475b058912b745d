/** Finds the introspection endpoint in the issuer's metadata. A timer retries the discovery; requests never do. */
import { fetchJson, type FetchJson } from '../lib/fetch-json.js';
import { urlProblem } from '../lib/tls-url.js';
import { metadataUrls } from './discovery.js';

export interface DiscoveryOptions {
  readonly issuer: string;
  readonly timeoutMs: number;
  readonly allowInsecureHttp: boolean;
  readonly ca?: readonly string[] | undefined;
  readonly fetchJson?: FetchJson;
  /** Called for each failed round. */
  report(fault: Error): void;
}

const MAX_BYTES = 524_288;
/** No request waits longer than this for a round in progress. */
const MAX_WAIT_MS = 5_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

export class DiscoveredEndpoint {
  /** Settles after the first round, with or without an endpoint. */
  readonly ready: Promise<void>;
  /** The endpoint, once it is known. */
  url: string | undefined;
  private round: Promise<void> | undefined;
  private fault = new Error('discovery has not run');
  private retryMs = FIRST_RETRY_MS;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: DiscoveryOptions) {
    this.ready = this.start();
  }

  /** Returns the endpoint, after the current round if there is one. Throws the error of the last round. */
  async wait(): Promise<string> {
    await this.round;
    if (this.url === undefined) throw this.fault;
    return this.url;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private start(): Promise<void> {
    this.round = this.discover().finally(() => (this.round = undefined));
    return this.round;
  }

  private async discover(): Promise<void> {
    const rounds = await Promise.allSettled(metadataUrls(this.options.issuer).map((url) => this.read(url)));
    const found = rounds.find((each) => each.status === 'fulfilled');
    if (found) {
      this.url = found.value;
      return;
    }
    const [first] = rounds as PromiseRejectedResult[];
    this.fault = first?.reason instanceof Error ? first.reason : new Error('discovery failed');
    if (this.closed) return;
    this.options.report(this.fault);
    this.timer = setTimeout(() => void this.start(), this.retryMs).unref();
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }

  private async read(url: string): Promise<string> {
    const { timeoutMs, allowInsecureHttp, ca } = this.options;
    const ask = this.options.fetchJson ?? fetchJson;
    const limits = { timeoutMs: Math.min(timeoutMs, MAX_WAIT_MS), allowInsecureHttp, ca, maxBytes: MAX_BYTES };
    const { status, body } = await ask(url, limits);
    if (status !== 200) throw new Error(`discovery: status ${status}`);
    return endpointOf(body, this.options);
  }
}

/** RFC 8414 §3.3: a document that names another issuer is rejected. Tokens are sent only to the issuer's origin. */
function endpointOf(body: unknown, { issuer, allowInsecureHttp }: DiscoveryOptions): string {
  const metadata: Readonly<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
  if (metadata['issuer'] !== issuer) throw new Error('discovery: the document names another issuer');
  const endpoint = metadata['introspection_endpoint'];
  if (typeof endpoint !== 'string') throw new Error('discovery: the document names no introspection_endpoint');
  const problem = urlProblem(endpoint, allowInsecureHttp);
  if (problem !== undefined) throw new Error(`discovery: the introspection_endpoint ${problem}`);
  if (new URL(endpoint).origin !== new URL(issuer).origin) {
    throw new Error("discovery: the introspection_endpoint is not at the issuer's origin");
  }
  return endpoint;
}
