/** The meaning and the cure of each reason and code, asked for once. */
// @ts-check

/** @typedef {import('./explanation.js').Glossary} Glossary */

/** @type {Glossary} */
const EMPTY = { reasons: {}, codes: {} };
/** The texts are those of the package, so they are equal for each session. @type {Promise<Glossary> | undefined} */
let asked;

/**
 * @param {import('./session.js').Session} session
 * @returns {Promise<Glossary>}
 */
export function glossaryOf(session) {
  asked ??= session.get('reasons').catch(() => {
    asked = undefined;
    return EMPTY;
  });
  return asked;
}
