import { clientAddressOf } from '../../src/http/client-address.js';
import { requestStateOf } from '../../src/http/request-state.js';
import { getWith, judging } from '../support/judge.js';

it('is the peer until the gateway has judged, and then what it judged, for that request alone', async () => {
  const node = await judging();
  const addresses = await node.ask(getWith('X-Forwarded-For: 6.6.6.6'), (req) => {
    const before = clientAddressOf(req);
    requestStateOf(req).clientAddress = '203.0.113.1';
    return [before, clientAddressOf(req)];
  });
  expect(addresses).toEqual(['127.0.0.1', '203.0.113.1']);
  expect(await node.ask(getWith(), clientAddressOf)).toBe('127.0.0.1');
  const gone = (req: Parameters<typeof clientAddressOf>[0]) => {
    Object.defineProperty(req.socket, 'remoteAddress', { value: undefined });
    return clientAddressOf(req);
  };
  expect(await node.ask(getWith(), gone)).toBe('unknown via no connection');
  await node.close();
});
