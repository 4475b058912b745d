/** The guards of a policy: a requirement of the host's code is compiled once. */
import { AdmissionPolicy } from '../../src/admission/policy.js';
import { MethodsInUse } from '../../src/auth/methods-in-use.js';
import type { Requirement } from '../../src/auth/requirement.js';
import { API_KEY, compile } from '../config/files.js';
import { quietLog } from '../support/quiet-log.js';

const { plan } = compile(`
middleware: { auth: { api_key: ${API_KEY} } }
routes: [{ path: /*, auth: { api_key: true } }]
`);

function newPolicy(): AdmissionPolicy {
  const deps = { now: Date.now, log: quietLog() };
  const methods = new MethodsInUse(plan.methods, {}, deps).compiled;
  return new AdmissionPolicy(plan, { ...deps, methods, standalone: false });
}

const KEY: Requirement = { kind: 'method', name: 'api_key' };

test('requests that pass the same requirement share one guard, so that no request makes another', () => {
  const policy = newPolicy();
  expect(policy.guardFor({ ...KEY })).toBe(policy.guardFor({ ...KEY }));
  expect(policy.recordingGuardFor(['api_key'])).toBe(policy.recordingGuardFor(['api_key']));
  expect(policy.guardFor({ kind: 'optional', of: KEY })).not.toBe(policy.guardFor(KEY));
  expect(policy.recordingGuardFor(['api_key'])).not.toBe(policy.guardFor(KEY));
});

test('a guard of another policy and a method that the file does not have are errors of the host', () => {
  const policy = newPolicy();
  expect(() => policy.authenticatorOf(newPolicy().guardFor(KEY))).toThrow(/guard is of another policy/);
  expect(() => policy.guardFor({ kind: 'method', name: 'jwt' })).toThrow(TypeError);
});

test('a route that the plan does not have is guarded like a request that no route matches', () => {
  const policy = newPolicy();
  expect(policy.guardAt(0).requirement).toMatchObject(KEY);
  expect(policy.guardAt(1)).toBe(policy.unmatched);
});
