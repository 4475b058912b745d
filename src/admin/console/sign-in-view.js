/** Asks for the credential of the admin address, and passes it to the session only. */
// @ts-check
import { el, replace } from './dom.js';
import { Refusal } from './session.js';

/**
 * @typedef {object} SignIn
 * @property {import('./session.js').Session} session
 * @property {string | undefined} scheme The scheme of the challenge.
 * @property {string | undefined} notice
 * @property {() => void} done
 */

/**
 * @param {SignIn} signIn
 * @returns {import('./main.js').View}
 */
export function signInView({ session, scheme, notice, done }) {
  const isBasic = scheme === 'basic';
  const problem = el('p', { class: 'problem', role: 'alert', id: 'sign-in-problem' }, notice);
  const fields = isBasic
    ? [field('User name', 'text', 'username'), field('Password', 'password', 'current-password')]
    : [field('Token', 'password', 'off')];
  const button = el('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const [first = '', second = ''] = fields.map(({ input }) => input.value);
    session.use(isBasic ? { kind: 'basic', username: first, password: second } : { kind: 'bearer', token: first });
    button.disabled = true;
    const { ended } = session;
    // A refused first attempt keeps the form.
    session.ended = () => {};
    try {
      await session.get('status');
      for (const { input } of fields) input.value = '';
      done();
    } catch (error) {
      session.use(undefined);
      replace(problem, messageOf(error));
      button.disabled = false;
      fields[0]?.input.focus();
    } finally {
      session.ended = ended;
    }
  };
  const form = el(
    'form',
    { class: 'card sign-in', on: { submit: (event) => void submit(event) }, 'aria-labelledby': 'sign-in-title' },
    el('h1', { id: 'sign-in-title' }, 'Sign in'),
    el(
      'p',
      { class: 'muted' },
      isBasic ? 'With a user of ' : 'With the token of ',
      el('code', {}, 'admin.auth'),
      '. The page does not store it.',
    ),
    fields.map(({ element }) => element),
    problem,
    button,
  );
  queueMicrotask(() => fields[0]?.input.focus());
  return { element: form };
}

/**
 * @param {string} label
 * @param {string} type
 * @param {string} autocomplete
 */
export function field(label, type, autocomplete) {
  const input = el('input', { type, autocomplete, required: true, spellcheck: 'false', autocapitalize: 'off' });
  return { input, element: el('label', { class: 'field' }, el('span', {}, label), input) };
}

/** @param {unknown} error */
function messageOf(error) {
  if (error instanceof Refusal && error.status === 401) return 'The gateway does not accept this credential.';
  // A header field holds no such character.
  if (error instanceof TypeError) return 'The credential has a character that a header cannot contain.';
  return error instanceof Error ? error.message : String(error);
}
