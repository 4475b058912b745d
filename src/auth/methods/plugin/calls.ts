/** The endpoints for the calls of a plugin: those of the upstreams that its block allows, in rotation. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { CallTarget, CallTargets } from '../../../wasm/callouts.js';
import type { CallUpstream } from './options.js';

export function callTargets(upstreams: readonly CallUpstream[]): {
  readonly targets: CallTargets;
  readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
} {
  const targets = new Map(upstreams.map((upstream) => [upstream.name, inTurn(upstream)]));
  return { targets, agents: { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) } };
}

function inTurn({ endpoints, tls }: CallUpstream): () => CallTarget {
  const known = endpoints.flatMap(({ url, weight }) => Array.from({ length: Math.max(1, weight) }, () => new URL(url)));
  let at = 0;
  return () => {
    const url = known[at % known.length] as URL;
    at += 1;
    if (url.protocol !== 'https:') return { url };
    const { ca, cert, key, insecureSkipVerify = false } = tls ?? {};
    return {
      url,
      tls: {
        rejectUnauthorized: !insecureSkipVerify,
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
      },
    };
  };
}
