import { SealedAnswers, type DatedAnswer } from '../../src/tokens/sealed-answers.js';

const SECRET = 'a secret that all instances share, of more than 32 bytes';
const sealed = new SealedAnswers(SECRET);
const dated: DatedAnswer = {
  answer: { kind: 'active', response: { active: true, sub: 'ada' } },
  until: 1_800_000_000_000,
};
const name = sealed.nameOf(['https://id.example/introspect', 'loom', 'token']);

test('a sealed answer opens under its name with the same secret', () => {
  const text = sealed.seal(name, dated);
  expect(new SealedAnswers(SECRET).open(name, text)).toEqual(dated);
  expect(sealed.seal(name, dated)).not.toBe(text);
});

test('neither name nor value reveals the token or its owner', () => {
  const text = sealed.seal(name, dated);
  expect(Buffer.from(text, 'base64url').toString('latin1') + name).not.toMatch(/ada|active|token|loom/);
});

test('other splits of the same text have other names, and so does another secret', () => {
  const names = [
    ['a', 'b', 'c'],
    ['ab', '', 'c'],
    ['a', 'bc', ''],
    ['a', 'b', 'd'],
  ].map((each) => sealed.nameOf(each));
  expect(new Set([...names, new SealedAnswers(`${SECRET}.`).nameOf(['a', 'b', 'c'])]).size).toBe(5);
});

test('an answer that was moved, changed, cut, or sealed with another secret does not open', () => {
  const text = sealed.seal(name, dated);
  const other = sealed.nameOf(['https://id.example/introspect', 'loom', 'another']);
  expect(sealed.open(other, text)).toBeUndefined();
  expect(new SealedAnswers(`${SECRET}.`).open(name, text)).toBeUndefined();
  const bytes = Buffer.from(text, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    expect(sealed.open(name, changed.toString('base64url'))).toBeUndefined();
    expect(sealed.open(name, bytes.subarray(0, at).toString('base64url'))).toBeUndefined();
  }
  for (const junk of ['', '{}', 'null', JSON.stringify(dated), '\u0000', 'A'.repeat(1_000)])
    expect(sealed.open(name, junk)).toBeUndefined();
});

test('an opened answer is frozen like the server’s', () => {
  const opened = sealed.open(name, sealed.seal(name, dated));
  expect(Object.isFrozen(opened?.answer.kind === 'active' ? opened.answer.response : {})).toBe(true);
  expect(() => Object.assign(opened ?? {}, { until: 0 })).toThrow(TypeError);
});
