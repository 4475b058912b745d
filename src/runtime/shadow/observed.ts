/** The copy of one live request, with what its auth methods said and how it was decided. */
import { Recording } from '../../auth/live-verdicts.js';
import { headOf, recordConnection, type RecordedRequest, type RequestHead } from '../../context/recorded-request.js';
import type { RequestContext, RequestKind } from '../../context/request-context.js';
import type { RecordedConnection } from '../../lib/connection.js';
import type { InjectedRequest } from '../../http/injected-request.js';
import type { Judgement } from './judgement.js';

export interface ObservedOptions {
  /** Whether the configuration reads client certificates. */
  readonly certificates: boolean;
  /** The text of the guard that the code of the host requires. */
  readonly hostGuard: string | undefined;
  /** Whether the host receives the identities. */
  readonly hosted: boolean;
}

/** The state of a request keeps it from the arrival to the decision. It refers to no socket and no live request. */
export class Observed extends Recording {
  readonly head: RequestHead;
  readonly connection: RecordedConnection;
  readonly injected: InjectedRequest | undefined;
  readonly hostGuard: string | undefined;
  /** About the bytes of the copy. */
  readonly size: number;

  constructor({ request, injected }: RequestContext, { certificates, hostGuard, hosted }: ObservedOptions) {
    super(hosted);
    this.head = headOf(request);
    this.connection = recordConnection(request, certificates);
    this.injected = injected;
    this.hostGuard = hostGuard;
    this.size = this.head.rawHeaders.reduce((sum, text) => sum + text.length, this.head.url.length);
  }
}

/** An observed request with its live decision. */
export interface Decided {
  readonly observed: Observed;
  readonly kind: RequestKind;
  readonly live: Judgement;
  /** When it was decided, in milliseconds since the epoch. */
  readonly at: number;
}

export function recordedRequest({ observed }: Pick<Decided, 'observed'>): RecordedRequest {
  const { head, connection, injected } = observed;
  return { ...head, connection, injected, recording: observed };
}
