/** The file that the containers use loads without a warning, and has what the other files count on. */
import { compiled, loomFile, ports, read, secretsOf } from './file.js';

test('it loads for serve without a warning', () => {
  expect(loomFile().warnings.filter(({ level }) => level !== 'note')).toEqual([]);
});

test('twin: a wrong option of it would be refused', () => {
  expect(() => compiled(read('deploy/loom.yaml').replace('on_store_error:', 'on_stor_error:'))).toThrow(
    /on_stor_error/,
  );
});

test('it has a health path, the admin address, metrics, a shared limit and a shared store', () => {
  const { plan } = loomFile();
  expect(plan.health).toEqual({ path: '/healthz' });
  expect(plan.admin?.auth).toBeDefined();
  expect(plan.metrics).toBeDefined();
  expect(plan.rateLimit?.distributed?.onStoreError).toBe('local');
  expect(plan.methods.map(({ type }) => type)).toEqual(['api_key']);
  expect(ports()).toEqual({ http: 8080, admin: 9091 });
});

test('every secret of it is a file', () => {
  expect(secretsOf(read('deploy/loom.yaml'))).toEqual(['database-url', 'redis-password', 'scrape-token']);
});
