/** @file Character references of HTML → characters. Pure. */

/** With the semicolon, without which `&copy=1` in a plain URL would be changed. */
const REFERENCE = /&(#\d{1,8}|#x[\da-f]{1,8}|[a-z][a-z\d]{1,9});/gi;

/** Names of consecutive code points, from a first one on. */
const NAMES: readonly (readonly [number, string])[] = [
  [
    0xa0,
    "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro " +
      "para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil " +
      "Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave " +
      "Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml " +
      "igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute " +
      "thorn yuml",
  ],
  [0x391, "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho"],
  [0x3a3, "Sigma Tau Upsilon Phi Chi Psi Omega"],
  [0x3b1, "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma tau"],
  [0x3c5, "upsilon phi chi psi omega"],
  [0x152, "OElig oelig"],
  [0x160, "Scaron scaron"],
  [0x200c, "zwnj zwj lrm rlm"],
  [0x2013, "ndash mdash"],
  [0x2018, "lsquo rsquo sbquo"],
  [0x201c, "ldquo rdquo bdquo"],
  [0x2020, "dagger Dagger bull"],
  [0x2032, "prime Prime"],
  [0x2039, "lsaquo rsaquo"],
  [0x2190, "larr uarr rarr darr harr"],
  [0x2264, "le ge"],
];

const NAMED = new Map<string, string>([
  ...Object.entries({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", ensp: "\u2002", emsp: "\u2003" }),
  ...Object.entries({ thinsp: "\u2009", hellip: "…", permil: "‰", euro: "€", trade: "™", Yuml: "Ÿ", fnof: "ƒ" }),
  ...Object.entries({ minus: "−", radic: "√", infin: "∞", asymp: "≈", ne: "≠", equiv: "≡", sum: "∑", prod: "∏" }),
  ...NAMES.flatMap(([first, names]) =>
    names.split(" ").map((name, i): [string, string] => [name, String.fromCodePoint(first + i)]),
  ),
]);

/**
 * Decodes numeric references and the names of HTML 4; a name that is not known stays as it is.
 * Once: `&amp;lt;` becomes `&lt;`.
 */
export function decodeEntities(text: string): string {
  return text.replace(REFERENCE, (reference, name: string) => {
    if (!name.startsWith("#")) return NAMED.get(name) ?? reference;
    // `#65`, or `#x41` for `Number` to read as `0x41`.
    return fromCodePoint(Number(name.slice(1).replace(/^x/i, "0x")));
  });
}

/** Windows-1252 from 128 to 159. A table: Node 20's `TextDecoder` decodes that encoding as Latin-1. */
const WINDOWS_1252 = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8DŽ\x8F\x90‘’“”•–—˜™š›œ\x9DžŸ";

/** As HTML reads a numeric reference: 128 to 159 mean Windows-1252, and what is no character becomes U+FFFD. */
function fromCodePoint(code: number): string {
  if (code >= 0x80 && code <= 0x9f) return WINDOWS_1252[code - 0x80]!;
  const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : "\uFFFD";
}
