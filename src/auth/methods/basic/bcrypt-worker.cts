/**
 * The work of one bcrypt worker: the first hash decides, and the other hashes only equalize the time. The file is
 * CommonJS, because Node aborted the process when a thread ended during the import of an ES module.
 */
import type * as bcryptjs from 'bcryptjs';
import type { Comparison } from './bcrypt-pool.js' with { 'resolution-mode': 'import' };

// Node cannot strip `import … = require(…)`, and tests run this file from its source.
const { compareSync } = module.require('bcryptjs') as typeof bcryptjs;

function compare({ password, passwordHash, padding }: Comparison): boolean {
  if (compareSync(password, passwordHash)) return true;
  for (const hash of padding) compareSync(password, hash);
  return false;
}

module.exports = compare;
