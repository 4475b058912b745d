/**
 * Encrypts introspection answers for a shared store. A reader of the store finds no token. A writer cannot forge an
 * answer.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { lengthPrefixed } from '../lib/digest.js';
import { deepFrozen, type IntrospectionAnswer } from './introspection-request.js';

export interface DatedAnswer {
  readonly answer: IntrospectionAnswer;
  /** Milliseconds since the Unix epoch. */
  readonly until: number;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class SealedAnswers {
  readonly #names: Buffer;
  readonly #seals: Buffer;

  /** `secret`: known only to the instances that share a store. */
  constructor(secret: string) {
    const derive = (purpose: string): Buffer =>
      Buffer.from(hkdfSync('sha256', secret, 'loom-auth introspection', purpose, 32));
    this.#names = derive('names');
    this.#seals = derive('seals');
  }

  /** The name of an answer: derived from the server, the client and the token. */
  nameOf(question: readonly string[]): string {
    return createHmac('sha256', this.#names).update(lengthPrefixed(question)).digest('base64url');
  }

  seal(name: string, { answer, until }: DatedAnswer): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#keyOf(name), nonce).setAAD(Buffer.from(name));
    const sealed = Buffer.concat([cipher.update(JSON.stringify({ answer, until })), cipher.final()]);
    return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url');
  }

  /** Returns `undefined` for data that was not sealed under this name with this secret. */
  open(name: string, text: string): DatedAnswer | undefined {
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv(ALGORITHM, this.#keyOf(name), bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const opened = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      return deepFrozen(JSON.parse(opened.toString('utf8')) as DatedAnswer);
    } catch {
      return undefined;
    }
  }

  /** Each name has its own key: an answer moved to another name cannot be opened, and nonces do not collide. */
  #keyOf(name: string): Buffer {
    return createHmac('sha256', this.#seals).update(name).digest();
  }
}
