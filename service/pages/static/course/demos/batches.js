// A data set is dealt into mini-batches: shuffled anew in each epoch, by a seed.

import { make } from "../../dom.js";
import { choice, controls, figure, figures, slider, status } from "../kit.js";
import { makeRandom, shuffle } from "../maths/random.js";
import { tell } from "../words.js";

const KINDS = ["blue", "orange", "green", "violet", "grey"];

/** @param {HTMLElement} place */
export function mount(place) {
  const rows = slider(tell("rowsCount"), { min: 10, max: 120, value: 40 }, show);
  const size = slider(tell("batch"), { min: 1, max: 40, value: 16 }, show);
  const epoch = slider(tell("epoch"), { min: 1, max: 20, value: 1 }, show);
  const order = choice(tell("order"), [["shuffled", tell("shuffled")], ["kept", tell("asTheyCome")]], "shuffled", show);
  const drop = choice(tell("lastBatch"), [["keep", tell("keep")], ["drop", tell("drop")]], "keep", show);
  const lines = make("ol", { class: "tree-lines" });
  const [steps, last, all] = [figure(tell("stepsAnEpoch"), "steps"), figure(tell("lastSize"), "last"), figure(tell("stepsSoFar"), "all")];
  const code = make("pre", { tabindex: 0, class: "command", role: "group", "aria-label": "PyTorch" });
  const said = status();

  function show() {
    const n = rows.value;
    const numbers = order.value === "shuffled" ? shuffle(n, makeRandom(epoch.value)) : Array.from({ length: n }, (_, index) => index);
    const batches = [];
    for (let start = 0; start < n; start += size.value) batches.push(numbers.slice(start, start + size.value));
    const ended = batches[batches.length - 1].length;
    if (drop.value === "drop" && ended < size.value) batches.pop();
    lines.replaceChildren(...batches.slice(0, 8).map((batch, index) => make("li", { class: KINDS[index % KINDS.length] },
      make("span", {}, `${tell("batchNumber", index + 1)}: ${batch.join(" ")}`))));
    if (batches.length > 8) lines.append(make("li", { class: "grey" }, make("span", {}, `… ${tell("moreBatches", batches.length - 8)}`)));
    const size_ = batches.length ? batches[batches.length - 1].length : 0;
    steps.show(batches.length);
    last.show(size_);
    all.show(batches.length * epoch.value);
    code.textContent = `loader = DataLoader(TensorDataset(x, y), batch_size=${size.value}, shuffle=${order.value === "shuffled" ? "True" : "False"}${drop.value === "drop" ? ", drop_last=True" : ""})\nlen(loader)    # ${batches.length}`;
    said.textContent = tell(size.value === 1 ? "batchOne" : size.value >= n ? "batchAll" : order.value === "kept" ? "batchKept" : "batchSaid");
  }

  place.append(controls(rows, size, epoch, order, drop), lines, figures(steps, last, all), code, said);
  show();
}
