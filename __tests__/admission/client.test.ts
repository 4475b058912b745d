/** The client address behind trusted proxies, and the warning about a proxy that does not report it. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Clients } from '../../src/admission/client.js';
import { contextOf } from '../../src/context/request-context.js';
import { addressMatcher } from '../../src/lib/address.js';
import { quietLog } from '../support/quiet-log.js';

function arriving(peer: string, forwardedFor?: string) {
  const socket = Object.defineProperties(new Socket(), { remoteAddress: { value: peer }, bytesRead: { value: 1 } });
  const rawHeaders = forwardedFor === undefined ? [] : ['X-Forwarded-For', forwardedFor];
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
  return contextOf(Object.assign(new IncomingMessage(socket), { rawHeaders, headers }));
}

function clientsOf(trusted: readonly string[]) {
  const log = quietLog();
  const clock = { now: 5_000 };
  const deps = { log, now: () => clock.now, trusted: trusted.length > 0 ? addressMatcher(trusted) : undefined };
  return { clients: new Clients(deps), log, clock };
}

test('a proxy without a usable address is one warning a minute, with the number of further requests', () => {
  const { clients, log, clock } = clientsOf(['10.0.0.1']);
  const found = (entry: string): string | undefined => {
    const context = arriving('10.0.0.1', entry);
    clients.find(context);
    return context.clientAddress;
  };
  const unknown = found('secret text of a client');
  expect(unknown).not.toBe('10.0.0.1');
  for (let at = 0; at < 4; at += 1) expect(found('more text')).toBe(unknown);
  clock.now += 60_000;
  found('more text');
  const facts = { client: unknown, header: 'X-Forwarded-For', entry: 'no address' };
  expect(log.entries.map((each) => each.facts)).toEqual([facts, { ...facts, omitted: 4 }]);
  found('');
  expect(log.entries.at(-1)?.facts).toMatchObject({ entry: 'empty' });
  expect(JSON.stringify(log.entries)).not.toContain('text');
});

test('a clock that is set back does not suppress the warning', () => {
  const { clients, log, clock } = clientsOf(['10.0.0.1']);
  clock.now = 3_600_000;
  clients.find(arriving('10.0.0.1', 'text'));
  clock.now = 5_000;
  clients.find(arriving('10.0.0.1', 'text'));
  expect(log.entries).toHaveLength(2);
});

test('twin: an address of a trusted proxy is the client, and nothing is logged', () => {
  const { clients, log } = clientsOf(['10.0.0.1']);
  const context = arriving('10.0.0.1', '198.51.100.7');
  clients.find(context);
  expect([context.clientAddress, log.entries]).toEqual(['198.51.100.7', []]);
});

test('without trusted proxies the header is ignored', () => {
  const { clients } = clientsOf([]);
  const context = arriving('10.0.0.1', '198.51.100.7');
  clients.find(context);
  expect(context.clientAddress).toBe('10.0.0.1');
});
