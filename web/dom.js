// Elements and texts that the parts of the page share.

/**
 * An element with text and classes.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {{ text?: string | null, className?: string, title?: string, type?: string, scope?: string, href?: string, rel?: string }} [options]
 */
export function element(name, { text, className, ...rest } = {}) {
  const made = Object.assign(document.createElement(name), rest);
  if (text != null) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** @param {number | null} count */
export const countText = (count) => (count == null ? "–" : count.toLocaleString());
/** @type {(count: number | null, noun: string) => string} */
export const counted = (count, noun) => `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
