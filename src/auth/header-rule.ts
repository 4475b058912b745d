/** Which claim of an identity goes into which header. */

/** One identity header: the claim (a dotted path into own properties) it takes its value from. */
export interface HeaderRule {
  readonly claim: string;
  readonly header: string;
  /** Applies only to identities of this issuer. */
  readonly issuer?: string;
  /** The claim says who the caller is, even where the subject is another spelling of it (a certificate's name). */
  readonly ofSubject?: true;
}

/** The rules of a `claims_to_headers` map, for the identities of one issuer where one is given. */
export function headerRules(
  map: Readonly<Record<string, string | undefined>> = {},
  issuer?: string,
): readonly HeaderRule[] {
  return Object.entries(map).flatMap(([claim, header]) =>
    header === undefined ? [] : [{ claim, header, ...(issuer === undefined ? {} : { issuer }) }],
  );
}
