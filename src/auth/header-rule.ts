/** Which claim of an identity goes into which header. */

/** One identity header: the claim (a dotted path into own properties) it takes its value from. */
export interface HeaderRule {
  readonly claim: string;
  readonly header: string;
  /** Applies only to identities of this issuer. */
  readonly issuer?: string;
}
