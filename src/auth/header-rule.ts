/** The rules that map a claim of an identity to a header. */

/** One identity header, with the claim (a dotted path into own properties) that supplies its value. */
export interface HeaderRule {
  readonly claim: string;
  readonly header: string;
  /** Applies only to identities of this issuer. */
  readonly issuer?: string;
  /** The claim identifies the caller, even if the subject has another spelling (the name of a certificate). */
  readonly ofSubject?: true;
}

/** The rules of a `claims_to_headers` map, for the identities of one issuer if an issuer is given. */
export function headerRules(
  map: Readonly<Record<string, string | undefined>> = {},
  issuer?: string,
): readonly HeaderRule[] {
  return Object.entries(map).flatMap(([claim, header]) =>
    header === undefined ? [] : [{ claim, header, ...(issuer === undefined ? {} : { issuer }) }],
  );
}
