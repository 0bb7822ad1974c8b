// Photographs are dropped, pasted, chosen, taken, or are examples; then the page shows where a model looked.

import { button, make } from "../dom.js";
import { nameClass } from "../names.js";
import { say } from "../words.js";
import { Inside } from "./inside.js";
import { PhotographExamples, findStrangers } from "./photograph_examples.js";

const TYPES = ["image/jpeg", "image/png", "image/webp", "image/bmp", "image/gif"];
const MAX_NAMED = 10;

/**
 * @param {import("../bench.js").Bench} bench
 * @param {string | null} shared
 */
export function mount(bench, shared) {
  new Photographs(bench).open(shared);
}

class Photographs {
  /** @param {import("../bench.js").Bench} bench */
  constructor(bench) {
    this.bench = bench;
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
    this.inside = new Inside(bench, (address, text) => this.showImage(address, text));
    this.examples = new PhotographExamples(bench, (file, example) => this.show(file, example));
    bench.input.append(this.zone,
      make("div", { class: "buttons" },
        this.picker, make("label", { for: "photograph", class: "button" }, say("choose")), this.camera, this.examples.element),
      this.problem, this.examples.quiz, make("p", { class: "quiet" }, this.tellClasses()));
    bench.trust.after(this.inside.element);
    const paste = (/** @type {ClipboardEvent} */ event) => this.take(event.clipboardData?.files[0]);
    addEventListener("paste", paste);
    bench.closers.push(() => removeEventListener("paste", paste), () => this.stop(), () => URL.revokeObjectURL(this.address));
  }

  /** @param {string | null} shared */
  async open(shared) {
    const { bench } = this;
    bench.code.show(bench.describeCall({ file: null }));
    bench.verdicts.clear(say("noPhotograph"));
    bench.open();
    try {
      await this.examples.open(shared);
    } catch (error) {
      bench.showProblem(/** @type {Error} */ (error));
    }
  }

  tellClasses() {
    const strangers = findStrangers(this.bench);
    const classes = this.bench.classes.filter((each) => each !== strangers).map(nameClass);
    const some = classes.slice(0, MAX_NAMED).join(", ") + (classes.length > MAX_NAMED ? `… (${classes.length})` : "");
    return strangers ? say("knownFaces", some, nameClass(strangers)) : say("noneOfThese", some);
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
    this.examples.forget();
    this.show(file, null);
  }

  /**
   * Asks all models of a photograph; that of an example is one of `PhotographExamples`.
   * @param {Blob} file
   * @param {import("./photograph_examples.js").Example | null} example
   */
  show(file, example) {
    this.stop();
    this.problem.textContent = "";
    URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(file);
    this.bench.ask({ file, shared: example?.key ?? null, truth: example?.truth ?? null });
    this.inside.take(file, this.address, example?.text ?? say("photograph"));
  }

  /** @param {string} address @param {string} text */
  showImage(address, text) {
    this.image.src = address;
    this.image.alt = text;
    this.image.hidden = false;
    this.invitation.hidden = true;
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
