/** The log shows the path of a request, and no credential that a client puts beside it. */
import { loggedHost, loggedPath } from '../../src/http/logged-path.js';

test.each([
  ['/a/b', '/a/b'],
  ['/a?key=secret', '/a'],
  ['/a%3Fkey=secret', '/a'],
  ['http://user:secret@host/a', '/a'],
  ['//user:secret@host/a', '//…@host/a'],
  ['//token@host/a', '//…@host/a'],
  ['/%2fuser:secret%40host/a', '/…@host/a'],
  ['\\\\user:secret@host/a', '\\\\…@host/a'],
  ['///user:secret@host/a', '///…@host/a'],
  ['http:/user:secret@host/a', 'http:/…@host/a'],
  ['http:user:secret@host/a', '…@host/a'],
  ['user:se@cret@host', '…@host'],
  [`//${'secret'.repeat(200)}@host/a`, '//…@host/a'],
  ['/users/ada@example.com', '/users/…@example.com'],
])('%s is logged as %s', (target, path) => {
  expect(loggedPath(target)).toBe(path);
});

test.each([
  ['gw:8080', 'gw:8080'],
  ['[::1]:8080', '[::1]:8080'],
  ['user:secret@gw', '(not a host)'],
  ['gw@user:secret', '(not a host)'],
  ['a'.repeat(300), '(not a host)'],
  [undefined, undefined],
])('the host %s is logged as %s', (host, logged) => {
  expect(loggedHost(host)).toBe(logged);
});
