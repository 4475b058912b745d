import { describeClaims } from '../../src/tokens/fault-detail.js';

const rules = { now: 0, leeway: 0, issuers: [], audience: ['web'], tokenType: 'id_token' } as const;

test.each([
  ['token_type', { token_use: 'access' }, 'the token is not an ID token: `token_use` "access"'],
  ['token_audience', { aud: 'api' }, '`aud` is "api"; expected "web"'],
  ['token_audience', { aud: 'Web' }, '`aud` is "Web"; expected "web": they differ only by the case of letters'],
  [
    'token_audience',
    { aud: ['web', 'api'], azp: 'api' },
    '`aud` names several clients, so `azp` must be "web"; `azp` is "api"',
  ],
  ['token_audience', { aud: ['web', 'api'] }, '`aud` names several clients, so `azp` must be "web"; `azp` is missing'],
])('%s of an ID token with %j says what is wrong', (reason, claims, sentence) => {
  expect(describeClaims(reason, claims, rules)).toBe(sentence);
});
