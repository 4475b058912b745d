/** HTTP/2 frames (RFC 9113 §4), byte by byte. Node's client ends a stream properly before it cancels the stream. */

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const END_HEADERS = 4;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A literal field without indexing (RFC 7541 §6.2.2). Name and value have fewer than 127 bytes. */
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);

/** The preface and the head of one request, whose body follows. */
export function openStream(stream: number, fields: Readonly<Record<string, string>>): Buffer {
  const block = Buffer.concat(Object.entries(fields).map(([name, value]) => literal(name, value)));
  const head = frame(1, END_HEADERS, stream, block);
  return Buffer.concat([Buffer.from(PREFACE), frame(4, 0, 0, Buffer.alloc(0)), head]);
}

export const dataFrame = (stream: number, text: string, isLast = false): Buffer =>
  frame(0, isLast ? 1 : 0, stream, Buffer.from(text));

export function resetFrame(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(3, 0, stream, payload);
}
