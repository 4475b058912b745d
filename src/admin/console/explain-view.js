/** A form that describes a request, and the gateway's explanation of it. The request is not sent. */
// @ts-check
import { announce, el, replace } from './dom.js';
import { explanationElement } from './explanation.js';
import { glossaryOf } from './glossary.js';
import { problemOf } from './problem.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * @param {import('./main.js').Context} context
 * @returns {import('./main.js').View}
 */
export function explainView({ session, status }) {
  const title = el('h1', { id: 'view-title' }, 'Explain a request');
  const lead = el(
    'p',
    { class: 'lead' },
    'The gateway decides with its configuration in use. The request is not sent, and no limit is counted.',
  );
  if (!status.operator) {
    const words = el(
      'p',
      { class: 'notice' },
      'This view is for operators. Set ',
      el('code', {}, 'admin.auth.operator'),
      ' in the file.',
    );
    return { element: el('section', { 'aria-labelledby': 'view-title' }, title, lead, words) };
  }
  const form = new ExplainForm(session);
  return {
    element: el(
      'section',
      { 'aria-labelledby': 'view-title' },
      title,
      lead,
      el('div', { class: 'ask' }, form.element, form.answer),
    ),
  };
}

class ExplainForm {
  answer = el('div', { class: 'answer', 'aria-live': 'polite' });
  #method = el(
    'select',
    { name: 'method' },
    METHODS.map((each) => el('option', {}, each)),
  );
  #url = input('url', { required: true, placeholder: '/orders' });
  #headers = area('headers', 5, 'Authorization: Bearer …');
  #from = input('from', { placeholder: '127.0.0.1' });
  #certificate = area('certificate', 3, '-----BEGIN CERTIFICATE-----');
  #token = input('token', { required: true, type: 'password' });
  #button = el('button', { type: 'submit', class: 'primary' }, 'Explain');

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.element = el(
      'form',
      { class: 'explain-form', on: { submit: (/** @type {SubmitEvent} */ event) => void this.#submit(event) } },
      el('div', { class: 'line-fields' }, labelled('HTTP method', this.#method), labelled('URL', this.#url)),
      labelled('Headers', this.#headers, 'One header a line.'),
      labelled(
        'Client address',
        this.#from,
        'Of the client, or of the proxy in front of the gateway. Default: 127.0.0.1.',
      ),
      labelled('Client certificate', this.#certificate, 'PEM text, then its intermediates.'),
      labelled('Operator token', this.#token, 'The token of admin.auth.operator. Other views do not send it.'),
      el('div', {}, this.#button),
    );
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    this.#button.disabled = true;
    replace(this.answer, el('p', { class: 'muted' }, 'The gateway decides…'));
    try {
      const glossary = await glossaryOf(this.session);
      const explained = await this.session.post('explain', this.#question(), this.#token.value);
      replace(this.answer, explanationElement(explained, glossary));
      announce(`The answer: ${explained.outcome}.`);
      /** @type {HTMLElement | null} */ (this.answer.querySelector('#detail-title'))?.focus();
    } catch (error) {
      replace(this.answer, problemOf(error));
    } finally {
      this.#button.disabled = false;
    }
  }

  #question() {
    const url = this.#url.value.trim();
    const headers = headersIn(this.#headers.value);
    // A client always sends a host.
    if (url.startsWith('/') && !headers.some(([name]) => name.toLowerCase() === 'host'))
      headers.unshift(['Host', 'localhost']);
    const certificate = this.#certificate.value.trim();
    const from = this.#from.value.trim();
    return {
      method: this.#method.value,
      url,
      headers,
      ...(from !== '' && { from }),
      ...(certificate !== '' && { certificate }),
    };
  }
}

/**
 * The lines as names and values. A line without a colon stays a name without a value: the gateway judges it.
 *
 * @param {string} text
 * @returns {[string, string][]}
 */
export function headersIn(text) {
  return text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      return colon < 0 ? [line.trim(), ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    });
}

/** @param {string} name @param {import('./dom.js').Props} props */
const input = (name, props) =>
  el('input', { type: 'text', name, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', ...props });

/** @param {string} name @param {number} rows @param {string} placeholder */
const area = (name, rows, placeholder) =>
  el('textarea', { name, rows, placeholder, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off' });

let fields = 0;

/** @param {string} label @param {HTMLElement} control @param {string} [hint] */
function labelled(label, control, hint) {
  fields += 1;
  control.id = `field-${fields}`;
  if (hint !== undefined) control.setAttribute('aria-describedby', `hint-${fields}`);
  return el(
    'div',
    { class: 'field' },
    el('label', { for: control.id }, label),
    control,
    hint !== undefined && el('small', { id: `hint-${fields}` }, hint),
  );
}
