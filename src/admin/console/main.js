/** Starts the console: signs in, and shows one view at a time. */
// @ts-check
import { accessView } from './access-view.js';
import { decisionsView } from './decisions-view.js';
import { announce, el, replace } from './dom.js';
import { explainView } from './explain-view.js';
import { healthView } from './health-view.js';
import { reloadsView } from './reloads-view.js';
import { Refusal, Session } from './session.js';
import { shadowView } from './shadow-view.js';
import { signInView } from './sign-in-view.js';

/** @typedef {{ readonly element: HTMLElement, readonly close?: () => void }} View */

/**
 * @typedef {object} Context
 * @property {Session} session
 * @property {any} status What `GET /status` answered last.
 * @property {() => Promise<any>} refresh Asks for the status again.
 */

/** @typedef {{ readonly name: string, readonly title: string, readonly page: string, readonly open: (context: Context) => View }} Entry */

/**
 * A view is shown if the gateway has its page.
 *
 * @type {readonly Entry[]}
 */
const VIEWS = [
  { name: 'access', title: 'Access', page: '/routes', open: accessView },
  { name: 'decisions', title: 'Decisions', page: '/decisions', open: decisionsView },
  { name: 'explain', title: 'Explain', page: '/explain', open: explainView },
  { name: 'shadow', title: 'Shadow', page: '/shadow', open: shadowView },
  { name: 'reloads', title: 'Reloads', page: '/reloads', open: reloadsView },
  { name: 'health', title: 'Health', page: '/status', open: healthView },
];

const session = new Session();
const main = /** @type {HTMLElement} */ (document.getElementById('main'));
const nav = /** @type {HTMLElement} */ (document.getElementById('nav'));
const account = /** @type {HTMLElement} */ (document.getElementById('session'));

/** @type {any} */
let status;
/** @type {View | undefined} */
let view;

session.ended = () => void start('The credential is no longer valid. Sign in again.');
addEventListener('hashchange', () => status && show());
document.addEventListener('keydown', onKey);
document.querySelector('.skip')?.addEventListener('click', (event) => {
  // The hash of the address names the view.
  event.preventDefault();
  main.focus();
});
void start();

/** @param {string} [notice] */
async function start(notice) {
  try {
    await refresh();
    show();
  } catch (error) {
    leave();
    if (error instanceof Refusal && error.status === 401)
      return put(signInView({ session, scheme: error.scheme, notice, done: () => void start() }));
    const message = error instanceof Error ? error.message : String(error);
    const again = el('button', { type: 'button', on: { click: () => void start() } }, 'Try again');
    put({ element: el('section', { class: 'notice' }, el('h1', {}, 'Not connected'), el('p', {}, message), again) });
  }
}

async function refresh() {
  status = await session.get('status');
  return status;
}

function leave() {
  status = undefined;
  replace(nav);
  replace(account);
}

function show() {
  const pages = new Set(status.pages);
  const open = VIEWS.filter(({ page }) => pages.has(page));
  const name = location.hash.replace(/^#\/?/, '').split('/', 1)[0];
  const entry = open.find((each) => each.name === name) ?? open[0];
  if (!entry) return;
  replace(
    nav,
    el(
      'ul',
      {},
      open.map((each) =>
        el(
          'li',
          {},
          el('a', { href: `#/${each.name}`, 'aria-current': each === entry ? 'page' : undefined }, each.title),
        ),
      ),
    ),
  );
  // In a narrow window the links are wider than the window.
  nav.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  showAccount();
  document.title = `${entry.title} – Loom console`;
  put(entry.open({ session, status, refresh }));
  announce(`${entry.title} is shown.`);
}

function showAccount() {
  const out = el('button', { type: 'button', class: 'quiet', on: { click: signOut } }, 'Sign out');
  const state = el('span', { class: `state ${status.state === 'ready' ? 'good' : 'warn'}` }, status.state);
  replace(account, state, session.isSignedIn && out);
}

function signOut() {
  session.use(undefined);
  void start();
}

/** @param {View} next */
function put(next) {
  view?.close?.();
  view = next;
  replace(main, next.element);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
  const { activeElement } = document;
  // A radio button takes no text.
  if (activeElement instanceof HTMLInputElement && activeElement.type !== 'radio') return;
  if (activeElement instanceof HTMLTextAreaElement) return;
  const filter = main.querySelector('input[type=search]');
  if (!(filter instanceof HTMLInputElement)) return;
  event.preventDefault();
  filter.focus();
  filter.select();
}
