/** Turns a request for the admin address into a page: access, HTTP method, body, and the page's own answer. */
import type { IncomingMessage } from 'node:http';
import type { PlannedAdmin } from '../config/plan-types.js';
import type { Log } from '../lib/types.js';
import { credentialOf, decideAccess, pathOf, type Admission, type AdminRules } from './access.js';
import type { AdminCredentials, CredentialCheck } from './credentials.js';
import { hasUnexpectedBody, readJsonBody } from './json-body.js';
import { findPage, json, type AdminPage, type Page, type PageMethod, type Role, type WholePage } from './page.js';

export interface RespondDeps {
  readonly log: Log;
  readonly pages: readonly AdminPage[];
  readonly credentials: AdminCredentials;
  /** The rules of the current configuration, for the bound address. */
  readonly rules: AdminRules & Pick<PlannedAdmin, 'realm'>;
  /** Asks the client for its body, if the client waits for it. */
  readonly proceed: () => void;
}

type Refusal = Exclude<Admission | CredentialCheck, 'granted' | 'credential'>;

const REFUSALS: Readonly<Record<Refusal, WholePage>> = {
  wrong_host: json(421, { error: 'without a credential the Host header must be admin.address or localhost' }),
  other_site: json(403, { error: 'a page of another site sent this request' }),
  unauthorized: json(401, { error: 'a valid credential is required' }),
  too_many_failures: json(429, { error: 'too many wrong credentials; try again in a minute' }),
  busy: json(503, { error: 'too many passwords are being compared' }),
  open_address: json(403, { error: 'off loopback this needs admin.auth' }),
  operator_unset: json(403, { error: 'this page is for operators: set admin.auth.operator in the file' }),
  operator_required: json(403, { error: 'this page is for operators: send the token of admin.auth.operator' }),
};

/** Returns the page for a request. The refusals and each call of an operator are in the log. */
export async function respond(req: IncomingMessage, deps: RespondDeps): Promise<Page> {
  const path = pathOf(req);
  const found = findPage(deps.pages, path);
  // A client without a credential does not learn which pages there are.
  const role = found?.page.role ?? 'reader';
  const access = await accessOf(req, role, deps);
  if (access !== 'granted') return refuse(req, { access, role }, deps);
  const answered = found ? await answer(req, { ...found, path }, deps) : json(404, { error: 'there is no such page' });
  if (role === 'operator') audit(req, { path, status: answered.status }, deps);
  return answered;
}

async function accessOf(req: IncomingMessage, role: Role, { rules, credentials }: RespondDeps) {
  const access = decideAccess(req, role, rules);
  if (access !== 'credential') return access;
  return credentials.check({ role, given: credentialOf(req), address: peerOf(req) }, rules);
}

interface Refused {
  readonly access: Refusal;
  readonly role: Role;
}

function refuse(req: IncomingMessage, { access, role }: Refused, { log, rules }: RespondDeps): Page {
  const facts = { event: 'denied', listener: 'admin', reason: access, client: req.socket.remoteAddress };
  const { status } = REFUSALS[access];
  log.info({ ...facts, status, http_method: req.method }, 'denied');
  const scheme = role === 'operator' || rules.auth.kind === 'bearer' ? 'Bearer' : 'Basic';
  const realm = rules.realm.replace(/["\\]/g, '\\$&');
  return { ...REFUSALS[access], ...(status === 401 && { challenge: `${scheme} realm="${realm}"` }) };
}

interface Found {
  readonly page: AdminPage;
  readonly path: string;
  readonly rest: string;
}

async function answer(req: IncomingMessage, { page, path, rest }: Found, deps: RespondDeps): Promise<Page> {
  const method = methodOf(req.method);
  if (method === undefined || !page.methods.includes(method)) return notAllowed(page);
  const read = await bodyOf(req, { method, maxBody: page.maxBody }, deps);
  if (read.kind === 'refused') return read.page;
  const query = new URLSearchParams(req.url?.split('?', 2)[1] ?? '');
  return page.answer({ path, rest, query, method, body: read.value, client: peerOf(req) });
}

function methodOf(method: string | undefined): PageMethod | undefined {
  if (method === 'HEAD') return 'GET';
  return method === 'GET' || method === 'POST' ? method : undefined;
}

function notAllowed({ methods }: AdminPage): Page {
  const allow = methods.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])).join(', ');
  return { ...json(405, { error: `this page has ${allow}` }), headers: { Allow: allow } };
}

interface Reading {
  readonly method: PageMethod;
  readonly maxBody: number | undefined;
}

async function bodyOf(req: IncomingMessage, { method, maxBody }: Reading, { proceed }: RespondDeps) {
  if (method === 'GET') {
    const page = json(400, { error: 'no body is read here' });
    return hasUnexpectedBody(req) ? { kind: 'refused' as const, page } : { kind: 'read' as const, value: undefined };
  }
  proceed();
  return readJsonBody(req, maxBody);
}

/** What an operator asked, without the question itself: it may contain a credential. */
function audit(req: IncomingMessage, answered: { path: string; status: number }, { log }: RespondDeps): void {
  const { path, status } = answered;
  const facts = { listener: 'admin', role: 'operator', client: req.socket.remoteAddress, http_method: req.method };
  log.info({ event: 'audit', ...facts, path, status }, 'audit');
}

function peerOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
}
