/** Builds elements. Every text becomes a text node, so nothing that a client sent is ever markup. */
// @ts-check

/** @typedef {Node | string | number | false | null | undefined} Child */
/** @typedef {Record<string, string | number | boolean | undefined | Record<string, (event: any) => void>>} Props */

const SVG = 'http://www.w3.org/2000/svg';
/** Attributes that can run code or load a page. */
const REFUSED = /^(?:on|style$|srcdoc$|src$|action$|formaction$)/i;
/** A link leads to a view of the console, or to the documentation. */
const LINKS = /^(?:#|https:\/\/github\.com\/)/;

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props] Attributes. `on` has listeners. A value that is false or undefined is left out.
 * @param {...(Child | readonly Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/**
 * @param {string} tag
 * @param {Props} [props]
 * @param {...(Child | readonly Child[])} children
 * @returns {SVGElement}
 */
export function svg(tag, props = {}, ...children) {
  return filled(/** @type {SVGElement} */ (document.createElementNS(SVG, tag)), props, children);
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Props} props
 * @param {readonly (Child | readonly Child[])[]} children
 * @returns {E}
 */
function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'object') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== undefined && value !== false) set(element, name, String(value === true ? '' : value));
  }
  element.append(...children.flat().filter(isShown).map(asNode));
  return element;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
function set(element, name, value) {
  if (REFUSED.test(name) || (name === 'href' && !LINKS.test(value))) throw new TypeError(`${name} is not set here`);
  element.setAttribute(name, value);
}

/** @type {(child: Child) => child is Node | string | number} */
const isShown = (child) => child !== false && child !== null && child !== undefined && child !== '';

/** @param {Node | string | number} child */
const asNode = (child) => (typeof child === 'object' ? child : document.createTextNode(shown(child)));

/** The most characters of one value. A client may send 64 KB. */
const LONGEST = 2_000;
/**
 * Control characters, marks that change the direction of text, characters without width, line separators and halves of
 * a pair: a reader must see them.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * A value as a reader can see it, and not longer than a screen.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function shown(value) {
  const text = String(value);
  const kept = text.length > LONGEST ? text.slice(0, LONGEST) : text;
  const escaped = kept.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
  });
  return kept === text ? escaped : `${escaped}… (${(text.length - LONGEST).toLocaleString('en')} more characters)`;
}

/**
 * Replaces what an element contains.
 *
 * @param {Element} element
 * @param {...(Child | readonly Child[])} children
 */
export function replace(element, ...children) {
  element.replaceChildren(...children.flat().filter(isShown).map(asNode));
}

/** A text of several lines. @param {string} text */
export function lines(text) {
  return el(
    'pre',
    { tabindex: 0 },
    text.split('\n').map((line) => el('span', { class: 'line' }, line)),
  );
}

/** Announces a sentence to screen readers. @param {string} sentence */
export function announce(sentence) {
  const announcer = document.getElementById('announcer');
  if (announcer) announcer.textContent = shown(sentence);
}
