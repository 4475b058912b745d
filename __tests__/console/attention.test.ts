/** What the console calls to the attention of an operator, for upstreams whose names are resolved. */
import { statusValue } from './scripted-gateway.js';

/** The files of the console have no declarations. */
interface Attention {
  readonly attentionOf: (status: object) => readonly { readonly text: string }[];
}

const { attentionOf } = jest.requireActual<Attention>('../../src/admin/console/attention.js');

const url = 'http://api.test:80';

function textsOf(endpoints: readonly object[]): readonly string[] {
  const { processes: [process] = [], ...status } = statusValue() as { processes: object[] };
  const upstreams = [{ name: 'backend', balancer: 'round_robin', endpoints }];
  return attentionOf({ ...status, processes: [{ ...process, upstreams }] }).map(({ text }) => text);
}

test('an address that leaves is no endpoint that is down', () => {
  const name = { resolvedAt: 1 };
  const [a, b] = [
    { url, address: '10.0.0.1', up: true, name },
    { url, address: '10.0.0.2', up: false, leaving: true },
  ];
  expect(textsOf([a, b])).toEqual([]);
  expect(textsOf([{ ...a, up: false }, b])).toEqual(['Upstream backend has no endpoint that takes requests.']);
});

test('a name that is not resolved is shown once', () => {
  const failed = { url, up: true, name: { fault: 'ESERVFAIL' } };
  const text = `Upstream backend: the name of ${url} was not resolved.`;
  expect(
    textsOf([
      { ...failed, address: '10.0.0.1' },
      { ...failed, address: '10.0.0.2' },
    ]),
  ).toEqual([`${text} Its earlier addresses are still used.`]);
  expect(textsOf([failed])).toEqual([text]);
});
