/** Asks the admin address. The credential is in the memory of this page only, and goes into one header field. */
// @ts-check

/** A response other than 2xx, or no response. */
export class Refusal extends Error {
  /**
   * @param {number} status 0 if there was no response.
   * @param {string} message
   * @param {string} [scheme] The scheme of the challenge, in lower case.
   */
  constructor(status, message, scheme) {
    super(message);
    this.status = status;
    this.scheme = scheme;
  }
}

/** @typedef {{ readonly kind: 'bearer', readonly token: string } | { readonly kind: 'basic', readonly username: string, readonly password: string }} Credential */

/** @typedef {{ method?: string, body?: string, headers?: Record<string, string>, signal?: AbortSignal }} Question */

export class Session {
  /** @type {string | undefined} */
  #authorization;
  /** Called when the address no longer accepts the credential. */
  ended = () => {};

  get isSignedIn() {
    return this.#authorization !== undefined;
  }

  /** @param {Credential | undefined} credential */
  use(credential) {
    this.#authorization = credential && authorizationOf(credential);
  }

  /**
   * @param {string} path Relative to the page.
   * @returns {Promise<any>}
   */
  async get(path) {
    return (await this.ask(path)).json();
  }

  /**
   * Asks an operator's page. The operator's token is of this one request.
   *
   * @param {string} path
   * @param {object} question
   * @param {string} token
   * @returns {Promise<any>}
   */
  async post(path, question, token) {
    const headers = { 'Content-Type': 'application/json', Authorization: authorizationOf({ kind: 'bearer', token }) };
    return (await ask(path, { method: 'POST', headers, body: JSON.stringify(question) })).json();
  }

  /**
   * @param {string} path
   * @param {Question} [question]
   */
  async ask(path, question = {}) {
    const used = this.#authorization;
    const headers = { ...question.headers, ...(used !== undefined && { Authorization: used }) };
    try {
      return await ask(path, { ...question, headers });
    } catch (error) {
      if (error instanceof Refusal && error.status === 401 && used !== undefined && used === this.#authorization) {
        this.use(undefined);
        this.ended();
      }
      throw error;
    }
  }
}

/**
 * `credentials: 'omit'`: the browser sends no password that it remembers, and asks for none itself.
 *
 * @param {string} path
 * @param {Question} question
 * @returns {Promise<Response>}
 */
async function ask(path, question) {
  let response;
  try {
    response = await fetch(path, { ...question, credentials: 'omit', cache: 'no-store', redirect: 'error' });
  } catch (cause) {
    if (question.signal?.aborted) throw cause;
    throw new Refusal(0, 'The gateway does not answer.');
  }
  if (response.ok) return response;
  const scheme = /^\w+/.exec(response.headers.get('WWW-Authenticate') ?? '')?.[0]?.toLowerCase();
  throw new Refusal(response.status, await reasonIn(response), scheme);
}

/** @param {Response} response */
async function reasonIn(response) {
  /** @type {any} */
  const body = await response.json().catch(() => undefined);
  const reason = body?.error ?? body?.detail ?? body?.title;
  return typeof reason === 'string' ? reason : `The gateway answers ${response.status}.`;
}

/** @param {Credential} credential */
function authorizationOf(credential) {
  if (credential.kind === 'bearer') return `Bearer ${credential.token}`;
  const bytes = new TextEncoder().encode(`${credential.username}:${credential.password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`;
}
