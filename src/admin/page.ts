/** A page of the admin address as data: its path, who may see it, what it reads and how it answers. */
import type { AdminPath } from '../config/admin-paths.js';
import { escapeForTerminal } from '../lib/control-character.js';
import type { MaybePromise } from '../lib/types.js';

/**
 * Who may see a page. `anyone`: every client, because the page is in the package. `none`: every client that uses the
 * host name of the address. `reader`: a credential of
 * `admin.auth`, or the operator. `operator`: the bearer token of `admin.auth.operator`.
 */
export type Role = 'anyone' | 'none' | 'reader' | 'operator';

/** HEAD is answered wherever GET is. */
export type PageMethod = 'GET' | 'POST';

/** What a page may know of a request. */
export interface PageRequest {
  /** Without the query. */
  readonly path: string;
  /** The rest of the path after the prefix of a page that ends with `/*`. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly method: PageMethod;
  /** The JSON value of a POST. Undefined for GET. */
  readonly body: unknown;
  /** The address of the peer. */
  readonly client: string;
}

/** The part of a response that a stream writes. */
export interface PageStream {
  /** Returns false if the client reads too slowly: the text was dropped. */
  write(text: string): boolean;
  end(): void;
}

interface PageHead {
  readonly status: number;
  readonly type: string;
  readonly challenge?: string;
  /** Further headers, such as `Content-Security-Policy`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WholePage extends PageHead {
  readonly body: string;
}

/** `start` is called after the head. It returns the function that is called when the client has left. */
export interface StreamedPage extends PageHead {
  readonly start: (stream: PageStream) => () => void;
}

export type Page = WholePage | StreamedPage;

/**
 * A page. To add one: its path in `config/admin-paths.ts`, and the page in the list of `admin/pages.ts`.
 *
 * @example
 * { path: '/upstreams', role: 'reader', methods: ['GET'], answer: () => json(200, { upstreams: [] }) }
 */
export interface AdminPage {
  /** Exact, or with `/*` at its end for every path below it. Undefined while the configuration has no such page. */
  readonly path: AdminPath | (() => string | undefined);
  readonly role: Role;
  /** With POST, the page reads one JSON value of at most `maxBody` bytes. */
  readonly methods: readonly PageMethod[];
  /** Default: 64 KiB. */
  readonly maxBody?: number;
  readonly answer: (request: PageRequest) => MaybePromise<Page>;
}

export function json(status: number, value: unknown): WholePage {
  return { status, type: 'application/json', body: `${safeJson(value)}\n` };
}

/** JSON in which terminals and log viewers find no character that they interpret. */
export function safeJson(value: unknown): string {
  return escapeForTerminal(JSON.stringify(value));
}

/** Undefined while the configuration has no such page. */
export function pathOfPage({ path }: AdminPage): string | undefined {
  return typeof path === 'function' ? path() : path;
}

/** Finds the page of a path, and the rest of the path. An exact path comes before a prefix. */
export function findPage(
  pages: readonly AdminPage[],
  path: string,
): { readonly page: AdminPage; readonly rest: string } | undefined {
  const exact = pages.find((page) => pathOfPage(page) === path);
  if (exact) return { page: exact, rest: '' };
  for (const page of pages) {
    const prefix = /^(.*\/)\*$/.exec(pathOfPage(page) ?? '')?.[1];
    if (prefix !== undefined && path.length > prefix.length && path.startsWith(prefix))
      return { page, rest: path.slice(prefix.length) };
  }
  return undefined;
}
