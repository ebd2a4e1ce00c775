// Numbers as the page writes them.

/** A probability with three digits; one that would show as zero says so. */
export function score(value) {
  return value > 0 && value < 0.0005 ? '<0.001' : value.toFixed(3);
}

/** The difference of two scores as they are written, with its sign, so that a reader who subtracts finds the same. */
export function change(from, to) {
  const thousandths = Math.round(to * 1000) - Math.round(from * 1000);
  const rounded = thousandths / 1000;
  if (rounded === 0) return '±0.000';
  return `${rounded > 0 ? '+' : '\u2212'}${Math.abs(rounded).toFixed(3)}`;
}

/** A raw score, with a true minus. */
export function logit(value) {
  return value.toFixed(2).replace('-', '\u2212');
}

/** A count with separators. */
export function count(value) {
  return value.toLocaleString('en');
}

/** "1 document", "12 documents". */
export function counted(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Milliseconds as seconds. */
export function seconds(milliseconds) {
  const value = milliseconds / 1000;
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} s`;
}

/** Words of the server as a sentence of the page. */
export function sentence(words) {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Bytes of a text, for people. */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
