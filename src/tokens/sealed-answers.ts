/** Introspected answers as a shared store may hold them: sealed, so that whoever reads it finds no token, and whoever writes to it forges no verdict. */
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

  /** `secret`: what all instances that share a store have in common, and nobody else has. */
  constructor(secret: string) {
    const derive = (purpose: string): Buffer =>
      Buffer.from(hkdfSync('sha256', secret, 'loom-auth introspection', purpose, 32));
    this.#names = derive('names');
    this.#seals = derive('seals');
  }

  /** The name of an answer: of who was asked, by whom, about which token. */
  nameOf(question: readonly string[]): string {
    return createHmac('sha256', this.#names).update(lengthPrefixed(question)).digest('base64url');
  }

  seal(name: string, { answer, until }: DatedAnswer): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#keyOf(name), nonce).setAAD(Buffer.from(name));
    const sealed = Buffer.concat([cipher.update(JSON.stringify({ answer, until })), cipher.final()]);
    return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url');
  }

  /** Undefined for whatever was not sealed under this name with this secret. */
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

  /** A key for each name: an answer moved to another name opens nowhere, and no nonce meets its like. */
  #keyOf(name: string): Buffer {
    return createHmac('sha256', this.#seals).update(name).digest();
  }
}
