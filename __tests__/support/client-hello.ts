/** ClientHellos as bytes (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1), and the answer of a server to them. */
import { connect } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';

export interface Hello {
  /** The entries of the server_name list. Default: no such extension. */
  readonly names?: readonly (string | Buffer)[];
  /** The type of each entry; 0 is a host name. */
  readonly nameType?: number;
  /** The protocols offered. Default: no such extension. */
  readonly protocols?: readonly (string | Buffer)[];
  /** Default: TLS 1.2. */
  readonly version?: number;
  /** Default: ECDHE with AES-GCM, for keys of both kinds. */
  readonly ciphers?: readonly number[];
  /** Default: only null. */
  readonly compression?: readonly number[];
  /** Further whole extensions: type and contents. */
  readonly extensions?: readonly (readonly [type: number, contents: Buffer])[];
}

const u8 = (value: number): Buffer => Buffer.from([value]);
const u16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
const u24 = (value: number): Buffer => Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);
const long = (bytes: Buffer): Buffer => Buffer.concat([u16(bytes.length), bytes]);
const short = (bytes: Buffer): Buffer => Buffer.concat([u8(bytes.length), bytes]);
const bytesOf = (text: string | Buffer): Buffer => (typeof text === 'string' ? Buffer.from(text) : text);

/** The handshake message, without a record. */
export function clientHello(hello: Hello = {}): Buffer {
  const { names, nameType = 0, protocols, version = 0x0303, compression = [0], extensions = [] } = hello;
  const { ciphers = [0xc02b, 0xc02f, 0xc02c, 0xc030] } = hello;
  const all: (readonly [number, Buffer])[] = [
    [10, long(Buffer.concat([0x001d, 0x0017].map(u16)))],
    [11, short(u8(0))],
    [13, long(Buffer.concat([0x0403, 0x0804, 0x0401, 0x0201].map(u16)))],
    ...extensions,
  ];
  if (names) {
    const list = names.map((each) => Buffer.concat([u8(nameType), long(bytesOf(each))]));
    all.push([0, long(Buffer.concat(list))]);
  }
  if (protocols) all.push([16, long(Buffer.concat(protocols.map((each) => short(bytesOf(each)))))]);
  const body = Buffer.concat([
    u16(version),
    randomBytes(32),
    short(Buffer.alloc(0)),
    long(Buffer.concat(ciphers.map(u16))),
    short(Buffer.from(compression)),
    long(Buffer.concat(all.map(([type, contents]) => Buffer.concat([u16(type), long(contents)])))),
  ]);
  return Buffer.concat([u8(1), u24(body.length), body]);
}

/** The message in records of at most that many bytes. */
export function records(message: Buffer, size = 16_384, type = 22): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    parts.push(u8(type), u16(0x0301), long(part));
  }
  return Buffer.concat(parts);
}

export type HelloAnswer =
  | { readonly kind: 'hello'; readonly version: number; readonly cipher: number }
  | { readonly kind: 'alert'; readonly description: number }
  | { readonly kind: 'closed' };

/** Returns the answer to these bytes. Ends the connection when the answer is known. */
export function answerTo(port: number, bytes: Buffer): Promise<HelloAnswer> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const settle = (answer: HelloAnswer): void => {
      resolve(answer);
      socket.destroy();
    };
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received[0] === 21 && received.length >= 7) settle({ kind: 'alert', description: received[6] as number });
      // Record head 5, handshake head 4, version 2, random 32, session id, cipher.
      const id = received[43] ?? 0;
      if (received[0] === 22 && received.length >= 46 + id)
        settle({ kind: 'hello', version: received.readUInt16BE(9), cipher: received.readUInt16BE(44 + id) });
    });
    socket.on('error', () => settle({ kind: 'closed' }));
    socket.on('close', () => settle({ kind: 'closed' }));
  });
}

/** A TLS connection whose client puts each byte of its first flight into a separate record. */
export function connectInPieces(port: number, options: ConnectionOptions): TLSSocket {
  const inner = connect(port, '127.0.0.1');
  let first = true;
  const pieces = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      inner.write(first ? records(chunk.subarray(5), 1) : chunk);
      first = false;
      done();
    },
    final: (done) => {
      inner.end();
      done();
    },
    destroy: (error, done) => {
      inner.destroy();
      done(error);
    },
  });
  inner.on('data', (chunk) => pieces.push(chunk));
  inner.on('end', () => pieces.push(null));
  inner.on('error', (error) => pieces.destroy(error));
  const socket = connectTls({ ...options, socket: pieces });
  socket.on('end', () => socket.destroy());
  return socket;
}
