// Elements built from text nodes and attributes only: nothing that a document says is ever parsed as HTML.

const SVG = 'http://www.w3.org/2000/svg';

/** The element with this id, which index.html has. */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * An HTML element.
 * Attributes: `on` holds listeners, `dataset` data attributes; true sets an empty attribute, false and null none.
 * Children that are null or false are left out; strings become text nodes.
 */
export function el(name, attributes = {}, ...children) {
  return dress(document.createElement(name), attributes, children);
}

/** An SVG element, as `el`. */
export function svg(name, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, name), attributes, children);
}

function dress(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'on') {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (key === 'dataset') {
      Object.assign(node.dataset, value);
    } else {
      node.setAttribute(key, value === true ? '' : String(value));
    }
  }
  node.append(...kept(children));
  return node;
}

function kept(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}

/** Puts these children in place of an element's own, as `el` would. */
export function fill(node, ...children) {
  node.replaceChildren(...kept(children));
}

/** Words for screen readers only. */
export function spoken(words) {
  return el('span', { class: 'sr' }, words);
}

/** Says something through the page's live region. */
export function announce(words) {
  const region = byId('announce');
  // The same words twice in a row would not be read again.
  region.textContent = region.textContent === words ? `${words}\u00a0` : words;
}

/** Whether the reader asked for less motion. */
export function lessMotion() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
