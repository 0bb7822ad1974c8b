// Photographs are dropped, pasted, chosen or taken; then the page shows where a model looked.

import { post } from "../api.js";
import { button, make } from "../dom.js";
import { nameClass, nameFamily } from "../names.js";
import { say } from "../words.js";

const TYPES = ["image/jpeg", "image/png", "image/webp", "image/bmp", "image/gif"];
const MAX_NAMED = 10;

/** @param {import("../bench.js").Bench} bench */
export function mount(bench) {
  new Photographs(bench).open();
}

class Photographs {
  /** @param {import("../bench.js").Bench} bench */
  constructor(bench) {
    this.bench = bench;
    /** @type {Blob | null} */
    this.file = null;
    this.address = "";
    this.picker = make("input", { type: "file", accept: TYPES.join(), id: "photograph", class: "unseen",
      change: () => this.take(this.picker.files[0]) });
    this.image = make("img", { alt: say("photograph"), hidden: true });
    this.video = make("video", { playsinline: true, muted: true, hidden: true });
    this.invitation = make("p", {}, say("drop"));
    this.zone = make("div", {
      class: "zone",
      dragover: (/** @type {DragEvent} */ event) => this.hover(event, true),
      dragleave: (/** @type {DragEvent} */ event) => this.hover(event, false),
      drop: (/** @type {DragEvent} */ event) => this.drop(event),
    }, this.invitation, this.image, this.video);
    this.camera = button(say("camera"), () => this.film(), { hidden: !navigator.mediaDevices });
    this.problem = make("p", { class: "problem", role: "alert" });
    this.inside = make("div", { class: "inside", hidden: true });
    bench.input.append(this.zone,
      make("div", { class: "buttons" },
        this.picker, make("label", { for: "photograph", class: "button" }, say("choose")), this.camera),
      this.problem, this.inside, make("p", { class: "quiet" }, this.tellClasses()));
    const paste = (/** @type {ClipboardEvent} */ event) => this.take(event.clipboardData?.files[0]);
    addEventListener("paste", paste);
    bench.closers.push(() => removeEventListener("paste", paste), () => this.stop(), () => URL.revokeObjectURL(this.address));
  }

  open() {
    const { bench } = this;
    bench.code.show(bench.describeCall({ file: null }));
    bench.verdicts.clear(say("noPhotograph"));
    bench.open();
  }

  tellClasses() {
    const classes = this.bench.classes.map(nameClass);
    const some = classes.slice(0, MAX_NAMED).join(", ") + (classes.length > MAX_NAMED ? `… (${classes.length})` : "");
    return say("noneOfThese", some);
  }

  /** @param {DragEvent} event @param {boolean} isOver */
  hover(event, isOver) {
    event.preventDefault();
    this.zone.classList.toggle("over", isOver);
  }

  /** @param {DragEvent} event */
  drop(event) {
    this.hover(event, false);
    this.take(event.dataTransfer?.files[0]);
  }

  /** @param {Blob | undefined} file */
  take(file) {
    if (!file) return;
    this.problem.textContent = TYPES.includes(file.type) ? "" : say("notImage");
    if (!TYPES.includes(file.type)) return;
    this.stop();
    this.file = file;
    URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(file);
    this.showImage(this.address, say("photograph"));
    this.bench.ask({ file });
    this.offerInside();
  }

  /** @param {string} address @param {string} text */
  showImage(address, text) {
    this.image.src = address;
    this.image.alt = text;
    this.image.hidden = false;
    this.invitation.hidden = true;
  }

  offerInside() {
    this.told = make("p", { class: "quiet", role: "status" });
    const choices = this.bench.tab.members.map((model) =>
      button(nameFamily(model.family), (event) => this.look(model, event), { "aria-pressed": "false" }));
    const plain = button(say("plainly"), (event) => {
      this.press(event);
      this.showImage(this.address, say("photograph"));
      this.told.textContent = "";
    }, { "aria-pressed": "true" });
    this.inside.replaceChildren(make("h2", {}, say("lookInside")), make("div", { class: "choices" }, plain, ...choices), this.told);
    this.inside.hidden = false;
  }

  /** @param {import("../models.js").Model} model @param {Event} event */
  async look(model, event) {
    this.press(event);
    const { file } = this;
    if (!file) return;
    try {
      const answer = await post("explain", { model: model.name, inputs: [{ b64: await encode(file) }] });
      const [{ heat_map: map, class: label }] = answer.explanations;
      const text = say("looksAt", nameFamily(model.family), nameClass(label));
      this.showImage(`data:image/png;base64,${map.b64}`, text);
      this.told.textContent = text;
    } catch (error) {
      this.bench.showProblem(/** @type {Error} */ (error));
    }
  }

  /** @param {Event} event */
  press(event) {
    for (const each of this.inside.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === event.target));
  }

  async film() {
    if (this.stream) {
      this.shoot();
      return;
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      this.problem.textContent = say("noCamera");
      return;
    }
    this.video.srcObject = this.stream;
    this.video.hidden = false;
    this.image.hidden = this.invitation.hidden = true;
    this.camera.textContent = say("shoot");
    await this.video.play();
  }

  shoot() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const canvas = make("canvas", { width, height });
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    canvas.toBlob((/** @type {Blob} */ blob) => this.take(blob), "image/jpeg");
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.hidden = true;
    this.camera.textContent = say("camera");
  }
}

/** @param {Blob} file @returns {Promise<string>} */
async function encode(file) {
  const address = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(file);
  });
  return String(address).split(",")[1];
}
