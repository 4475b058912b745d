/** Listeners that trust different authorities: the same name is another holder to each of them. */
import { methodsOf } from '../../auth/requirement.js';
import type { Context } from '../context.js';
import type { Plan, PlannedTls } from '../plan-types.js';
import { AUTH } from '../plan/methods.js';

type Facts = Pick<Plan, 'listeners' | 'methods' | 'routes' | 'unmatched'>;

interface Asking {
  readonly name: string;
  readonly place: number;
  readonly tls: PlannedTls;
}

/**
 * A route does not say by which listener a request comes. So `subjects: ["CN=admin"]` would let in a holder
 * that any of the authorities names so. A revoked certificate would pass on a listener without the list.
 */
export function checkAuthorities(plan: Facts, context: Context): void {
  const asking = plan.listeners.flatMap(({ name, tls }, place): Asking[] =>
    tls && tls.clientAuth !== 'none' && tls.caFile !== undefined ? [{ name, place, tls }] : [],
  );
  const required = [...plan.routes.map(({ requirement }) => requirement), ...(plan.unmatched ? [plan.unmatched] : [])];
  const certified = plan.methods.filter(({ certificate }) => certificate).map(({ name }) => name);
  const name = certified.find((each) => required.some((requirement) => methodsOf(requirement).includes(each)));
  if (name !== undefined) {
    checkSameAuthority(asking, name, context);
    checkSameRevocations(asking, context);
  }
  warnOfSharedHeaders(asking, context);
}

/** `mtls.ca_file` says for all routes whose word counts. */
function checkSameAuthority([first, ...others]: readonly Asking[], name: string, context: Context): void {
  const other = others.find(({ tls }) => tls.caFile !== first?.tls.caFile);
  const said = (['ca_file', 'ca'] as const).some((key) => context.has([...AUTH, name, key]));
  if (!first || !other || said) return;
  const message =
    `is another authority than that of ${first.name}, and a route with ${name} takes the certificates of both; ` +
    `say in middleware.auth.${name}.ca_file whose count`;
  context.report.error({ path: pathOf(other), code: 'two_authorities', message });
}

function checkSameRevocations(asking: readonly Asking[], { report }: Context): void {
  for (const each of asking) {
    const { caFile, crlFile } = each.tls;
    const listed = asking.find(({ tls }) => tls.caFile === caFile && tls.crlFile !== undefined);
    if (!listed || crlFile !== undefined) continue;
    const message = `has no crl_file: a certificate that ${listed.name} refuses as revoked passes here`;
    report.error({ path: pathOf(each), code: 'two_authorities', message });
  }
}

/** Upstreams take both for one caller, unless another header has the issuer. */
function warnOfSharedHeaders(asking: readonly Asking[], { report }: Context): void {
  const feeding = new Map<string, Asking>();
  for (const each of asking) {
    const { clientCertHeaders: rules, caFile } = each.tls;
    if (rules.some(({ claim }) => claim === 'issuer')) continue;
    for (const { header, claim } of rules) {
      if (claim === 'fingerprint') continue;
      const earlier = feeding.get(header.toLowerCase());
      feeding.set(header.toLowerCase(), earlier ?? each);
      if (!earlier || earlier.tls.caFile === caFile) continue;
      const message = `${header} is fed by ${earlier.name} too, whose authority is another; map issuer as well`;
      report.warning({ path: pathOf(each), code: 'two_authorities', message });
    }
  }
}

function pathOf({ place }: Asking): readonly (string | number)[] {
  return ['listeners', place, 'tls', 'ca_file'];
}
