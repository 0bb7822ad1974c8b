// "Call it": the request of a bench in three languages, filled in, to be copied.

import { button, make } from "./dom.js";
import { say } from "./words.js";

const KEPT_S = 2;

/**
 * @typedef {{path: string, body?: any, file?: string, picture?: string}} Call
 *   A call sends a body as JSON or a file; `picture` names the file that its answer is written to.
 */

/** @type {Record<string, (call: Call, url: string) => string>} */
const PROGRAMS = {
  curl({ body, file, picture }, url) {
    const end = picture ? ` -o ${picture}` : "";
    if (file) return `curl ${quote(url)} -H 'Content-Type: image/jpeg' \\\n  --data-binary @${file}${end}`;
    return `curl ${quote(url)} -H 'Content-Type: application/json' \\\n  -d ${quote(write(body))}${end}`;
  },
  Python({ body, file, picture }, url) {
    const [data, type] = file ? [`open(${write(file)}, "rb").read()`, "image/jpeg"] : ["json.dumps(body).encode()", "application/json"];
    return [
      "import json, urllib.request",
      ...(file ? [] : [`body = ${write(body)}`]),
      `request = urllib.request.Request(${write(url)}, ${data}, {"Content-Type": "${type}"})`,
      picture ? `open(${write(picture)}, "wb").write(urllib.request.urlopen(request).read())`
        : "print(json.load(urllib.request.urlopen(request)))",
    ].join("\n");
  },
  JavaScript({ body, file }, url) {
    const [data, type] = file ? ["file", "image/jpeg"] : [`JSON.stringify(${write(body)})`, "application/json"];
    return [
      ...(file ? ["const [file] = document.querySelector(\"input[type=file]\").files;"] : []),
      `const answer = await fetch(${write(url)}, {`,
      `  method: "POST", headers: {"Content-Type": "${type}"},`,
      `  body: ${data},`,
      "});",
      "console.log(await answer.json());",
    ].join("\n");
  },
};

export class Code {
  constructor() {
    this.language = Object.keys(PROGRAMS)[0];
    /** @type {Call | null} */
    this.call = null;
    this.text = make("pre", { tabindex: 0, role: "group" });
    this.copied = make("span", { class: "copied", role: "status" });
    this.choices = Object.keys(PROGRAMS).map((language) =>
      button(language, () => this.choose(language), { "aria-pressed": language === this.language }));
    this.element = make("section", { class: "code" },
      make("div", { class: "titled" }, make("h2", {}, say("call")),
        make("div", { class: "choices" }, ...this.choices),
        this.copied, button(say("copy"), () => this.copy(), { class: "copy" })),
      this.text);
  }

  /** @param {Call} call */
  show(call) {
    this.call = call;
    const url = new URL(call.path, document.baseURI).href;
    this.text.textContent = PROGRAMS[this.language](call, url);
    this.text.setAttribute("aria-label", say("program", this.language));
  }

  /** @param {string} language */
  choose(language) {
    this.language = language;
    for (const each of this.choices) each.setAttribute("aria-pressed", String(each.textContent === language));
    if (this.call) this.show(this.call);
  }

  async copy() {
    // Browsers give no clipboard to a page that came over plain HTTP from another machine.
    const done = await navigator.clipboard?.writeText(this.text.textContent).then(() => true, () => false);
    if (!done) getSelection()?.selectAllChildren(this.text);
    this.copied.textContent = done ? say("copied") : say("selected");
    setTimeout(() => { this.copied.textContent = ""; }, KEPT_S * 1000);
  }
}

/** @param {any} value */
function write(value) {
  return JSON.stringify(value).replaceAll('":', '": ').replaceAll(',"', ', "');
}

/** @param {string} text */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
