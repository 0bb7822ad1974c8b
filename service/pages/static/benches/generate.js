// Images that a generator makes up; a seed gives the same ones again.

import { post } from "../api.js";
import { button, make } from "../dom.js";
import { nameFamily } from "../names.js";
import { writeState } from "../state.js";
import { say } from "../words.js";

const N_IMAGES = 32;
const N_SEEDS = 1000;

/**
 * @param {import("../bench.js").Bench} bench
 * @param {string | null} shared
 */
export function mount(bench, shared) {
  const [model] = bench.tab.members;
  const name = nameFamily(model.family);
  const grid = make("div", { class: "grid", role: "img", "aria-label": say("generated", N_IMAGES, name) },
    ...Array.from({ length: N_IMAGES }, () => make("img", { alt: "" })));
  const slider = make("input", { type: "range", min: 0, max: N_SEEDS, id: "seed", input: () => show(slider.valueAsNumber) });
  const told = make("output", { for: "seed" });

  /** @param {number} seed */
  async function show(seed) {
    slider.value = String(seed);
    told.textContent = String(seed);
    const body = { model: model.name, count: N_IMAGES, seed };
    bench.code.show({ path: "generate", body, picture: "made_up.png" });
    writeState({ x: String(seed) });
    try {
      const { images } = await post("generate", body);
      if (slider.value !== String(seed)) return;
      for (const [index, { b64 }] of images.entries()) grid.children[index].src = `data:image/png;base64,${b64}`;
      bench.problem.textContent = "";
    } catch (error) {
      bench.showProblem(/** @type {Error} */ (error));
    }
  }

  bench.trust.hidden = true;
  bench.verdicts.element.replaceWith(make("p", { class: "headline" }, say("made", name)));
  bench.input.append(grid);
  bench.code.element.before(make("div", { class: "seed" }, make("label", { for: "seed" }, say("seed")), slider, told,
    button(say("another"), () => show((slider.valueAsNumber + 1) % (N_SEEDS + 1)))));
  const wish = Number(shared ?? 0);
  show(Number.isInteger(wish) && wish >= 0 && wish <= N_SEEDS ? wish : 0);
}
