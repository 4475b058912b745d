/** What other layers ask of an auth method. The file is apart from `method.ts`, so that public types need no types of Passport. */

/** The properties of a kind of method that other layers ask for in place of its name. */
export interface MethodTraits {
  /**
   * Whether a browser sends the credential unasked, so that a page of another site could use it. `false`: only where the
   * credential is read from a place that browsers fill, such as a cookie. `unknown`: nothing tells where it is read from.
   */
  readonly ambient: boolean | 'unknown';
  /** Its identities have claims that the file cannot list: a rate limit may count by them. */
  readonly claims: boolean;
  /** It reads the client certificate of the connection. */
  readonly certificate: boolean;
}

/** The traits of code that is not ours: a plugin, or a strategy that a host application registers. */
export const UNKNOWN_TRAITS: MethodTraits = { ambient: 'unknown', claims: true, certificate: false };
