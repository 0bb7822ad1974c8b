// "Call it": the request of a bench in three languages, filled in, to be copied.

import { button, make } from "./dom.js";
import { say } from "./words.js";

const KEPT_S = 2;

/**
 * @typedef {{path: string, body?: any, file?: string, picture?: string, tensor?: {model: string, row: number[]}}} Call
 *   A call sends a body as JSON or a file; `picture` names the file that its answer is written to. A row of numbers is a
 *   tensor for one of the models too.
 */

/** @type {Record<string, (call: Call, url: string) => string>} */
const PROGRAMS = {
  curl({ body, file, picture }, url) {
    const end = picture ? ` -o ${picture}` : "";
    if (file) return `curl ${quote(url)} \\\n  -H 'Content-Type: image/jpeg' \\\n  --data-binary @${file}${end}`;
    return `curl ${quote(url)} \\\n  -d ${quote(write(body))}${end}`;
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
  tritonclient({ tensor }, url) {
    if (!tensor) return "";
    const { host, protocol } = new URL(url);
    return [
      "import numpy, tritonclient.http as triton",
      `client = triton.InferenceServerClient(${write(host)}${protocol === "https:" ? ", ssl=True" : ""})`,
      `rows = numpy.array([${write(tensor.row)}], dtype=numpy.float32)`,
      "features = triton.InferInput(\"features\", rows.shape, \"FP32\")",
      "features.set_data_from_numpy(rows)",
      `answer = client.infer(${write(tensor.model)}, [features])`,
      "print({each[\"name\"]: answer.as_numpy(each[\"name\"]) for each in answer.get_response()[\"outputs\"]})",
    ].join("\n");
  },
};
const TRITON = "tritonclient";

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
    for (const each of this.choices) each.hidden = each.textContent === TRITON && !call.tensor;
    if (this.language === TRITON && !call.tensor) {
      this.choose(Object.keys(PROGRAMS)[0]);
      return;
    }
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
