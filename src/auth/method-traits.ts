/** The properties of an auth method that other layers need, apart from `method.ts` and its Passport types. */

/** The properties of a kind of auth method that other layers read instead of its name. */
export interface MethodTraits {
  /**
   * Whether a browser sends the credential automatically, so that a page of another site could use it. `false`: only if
   * the credential is read from a place that browsers fill, such as a cookie. `unknown`: the place of the credential is
   * not known.
   */
  readonly ambient: boolean | 'unknown';
  /** The identities have claims that the file cannot list. A rate limit may use them as its key. */
  readonly claims: boolean;
  /** The method reads the client certificate of the connection. */
  readonly certificate: boolean;
  /**
   * `looked_up`: the method has a list of its credentials, so it leaves other values to other methods. `sent`: the
   * method sends values that it does not know to a server. Absent: neither.
   */
  readonly values?: 'looked_up' | 'sent';
}

/** The traits of external code: a plugin, or a strategy that a host application registers. */
export const UNKNOWN_TRAITS: MethodTraits = { ambient: 'unknown', claims: true, certificate: false };
