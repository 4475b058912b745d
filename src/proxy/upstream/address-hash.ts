/** Rendezvous hashing: which endpoint a client belongs to, so that one that goes away moves its own clients alone. */

/** FNV-1a, then murmur's finalizer, or texts that differ in their last letter would lie side by side. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix(hash);
}

function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** How strongly a client is drawn to an endpoint; of all scores each endpoint has the highest as often as its weight says. */
export function scoreOf(client: number, endpoint: number, weight: number): number {
  // Strictly between 0 and 1, or the logarithm has no value.
  const lot = (mix(client ^ endpoint) + 0.5) / 2 ** 32;
  return weight / -Math.log(lot);
}
