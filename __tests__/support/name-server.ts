/** A DNS server on loopback (RFC 1035) that answers what a test sets, over UDP and over TCP. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIP, type Server } from 'node:net';
import { freePorts } from './ports.js';
import { closed } from './recording-upstream.js';

/** The addresses of a name, a failure of the server, or no answer at all. */
export type Zone = readonly string[] | 'NXDOMAIN' | 'SERVFAIL' | 'silent';

const CODES = { SERVFAIL: 2, NXDOMAIN: 3 } as const;
const TYPES: Readonly<Record<number, 4 | 6>> = { 1: 4, 28: 6 };
/** A larger answer over UDP is cut, and the client asks again over TCP. */
const LARGEST_UDP = 512;

export class NameServer {
  readonly #zones = new Map<string, Zone>();
  /** The names that were asked for, in order. */
  readonly asked: string[] = [];

  private constructor(
    readonly address: string,
    private readonly udp: UdpSocket,
    private readonly tcp: Server,
  ) {
    udp.on('message', (query, { port, address: from }) => {
      const answer = this.#answer(query);
      if (!answer) return;
      udp.send(answer.length > LARGEST_UDP ? truncated(query) : answer, port, from);
    });
    tcp.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (message) => {
        const answer = this.#answer(message.subarray(2));
        if (answer) socket.end(Buffer.concat([uint16(answer.length), answer]));
      });
    });
  }

  static async open(): Promise<NameServer> {
    const [port = 0] = await freePorts(1);
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
    const tcp = createServer();
    await new Promise<void>((resolve) => tcp.listen(port, '127.0.0.1', resolve));
    return new NameServer(`127.0.0.1:${port}`, udp, tcp);
  }

  /** Without `family`, for addresses of both. */
  set(name: string, zone: Zone, family?: 4 | 6): void {
    for (const each of family ? [family] : [4, 6]) this.#zones.set(`${name} ${each}`, zone);
  }

  async close(): Promise<void> {
    await Promise.all([new Promise<void>((resolve) => this.udp.close(() => resolve())), closed(this.tcp)]);
  }

  #answer(query: Buffer): Buffer | undefined {
    const { name, type, end } = questionOf(query);
    this.asked.push(name);
    const family = TYPES[type];
    const zone = this.#zones.get(`${name} ${family}`) ?? 'NXDOMAIN';
    if (zone === 'silent') return undefined;
    const code = typeof zone === 'string' ? CODES[zone] : 0;
    const addresses = typeof zone === 'string' ? [] : zone.filter((address) => isIP(address) === family);
    const head = Buffer.concat([query.subarray(0, 2), uint16(0x8180 | code), uint16(1), uint16(addresses.length)]);
    const records = addresses.map((address) => recordOf(address, type));
    return Buffer.concat([head, Buffer.alloc(4), query.subarray(12, end), ...records]);
  }
}

function questionOf(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** The name is a reference to the question. The record lives for a minute. */
function recordOf(address: string, type: number): Buffer {
  const data = isIP(address) === 4 ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address);
  return Buffer.concat([uint16(0xc00c), uint16(type), uint16(1), uint16(0), uint16(60), uint16(data.length), data]);
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const [first, last] = [groups(head), groups(tail)];
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.concat(all.map(uint16));
}

function truncated(query: Buffer): Buffer {
  return Buffer.concat([
    query.subarray(0, 2),
    uint16(0x8380),
    uint16(1),
    Buffer.alloc(6),
    query.subarray(12, questionOf(query).end),
  ]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
