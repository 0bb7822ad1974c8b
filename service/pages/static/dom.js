// Elements are made here. Texts become text nodes: nothing that the service or a person wrote is read as HTML.

/**
 * Makes an element. An attribute that is null is left out, and so is one that is false unless it is of ARIA; a function
 * listens to the event of its name.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 * @returns {any}
 */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true && !name.startsWith("aria-")) node.setAttribute(name, "");
    else if (value != null && (value !== false || name.startsWith("aria-"))) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((each) => each != null).map((each) => /** @type {Node | string} */ (each)));
  return node;
}

/**
 * Returns the element of an id that the page has.
 * @param {string} id
 * @returns {any}
 */
export function at(id) {
  return document.getElementById(id);
}

/**
 * Makes a button that does something when it is pressed.
 * @param {string} text
 * @param {(event: Event) => void} click
 * @param {Record<string, any>} [attributes]
 * @returns {HTMLButtonElement}
 */
export function button(text, click, attributes = {}) {
  return make("button", { type: "button", click, ...attributes }, text);
}

/**
 * Shows at most one call each time that the last one has ended, and always the latest wish.
 * @template T
 * @param {(wish: T) => Promise<void>} work
 * @returns {(wish: T) => void}
 */
export function latestOnly(work) {
  /** @type {{wish: T} | null} */
  let waiting = null;
  let isBusy = false;

  async function run() {
    isBusy = true;
    while (waiting) {
      const { wish } = waiting;
      waiting = null;
      await work(wish);
    }
    isBusy = false;
  }

  return (wish) => {
    waiting = { wish };
    if (!isBusy) run();
  };
}
