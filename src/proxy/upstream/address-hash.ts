/** Rendezvous hashing assigns clients to endpoints, so that a removed endpoint moves only its own clients. */

/** FNV-1a, then murmur's finalizer. Without it, texts that differ in their last letter would have similar hashes. */
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

/** The preference of a client for an endpoint. Each endpoint has the highest score in proportion to its weight. */
export function scoreOf(client: number, endpoint: number, weight: number): number {
  // The value is strictly between 0 and 1, because the logarithm needs a value above 0.
  const lot = (mix(client ^ endpoint) + 0.5) / 2 ** 32;
  return weight / -Math.log(lot);
}
