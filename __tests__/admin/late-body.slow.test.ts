/** A body that stops before a plugin has it whole: `body_late`. */
import { connect } from 'node:net';
import { statusOf } from '../support/ask.js';
import { pluginWat } from '../support/wat.js';
import { closeAll, cureOf, groundOf } from './reason-ground.js';

afterEach(closeAll);

test('body_late: the plugin waits half a minute for the next byte', async () => {
  const reads = '(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))';
  const plugins = 'plugins: [{ name: gatekeeper, path: plugin.wasm, phase: on_request_body }]';
  const ground = await groundOf('', '{ plugin: gatekeeper }', plugins, pluginWat({ body: reads }));
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(ground.port, '127.0.0.1');
    socket.on('error', reject);
    socket.once('data', (piece) => {
      resolve(String(piece));
      socket.destroy();
    });
    socket.on('close', () => resolve(''));
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
  });
  expect(statusOf(answer)).toBe(408);
  const record = await ground.record('body_late');
  expect(record).toMatchObject({ kind: 'denied', status: 408, reason: 'body_late', auth_method: 'gatekeeper' });
  expect(record?.detail).toMatch(/did not arrive in time/);
  expect(cureOf('body_late')).toMatch(/connection/);
}, 180_000);
