/** Hosts that no upstream may have: link-local addresses, such as the metadata service of a cloud, and `0.0.0.0`. */

/** IPv6 holds 169.254.0.0/16 as well: mapped, translated (RFC 6052, RFC 2765), compatible, 6to4. */
const FORBIDDEN_HOST =
  /^(?:169\.254\.|0\.0\.0\.0$|\[(?:fe[89ab].:|::\]|::(?:ffff:(?:0:)?)?a9fe:|::ffff:0:0\]|64:ff9b:(?:[\da-f:]*:)?a9fe:|2002:a9fe:|fd00:ec2::254\]))/i;

/** `hostname`: of a URL, so that each address has one spelling. */
export function isForbiddenHost(hostname: string): boolean {
  return FORBIDDEN_HOST.test(hostname);
}
