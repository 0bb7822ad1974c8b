// A row, a picture, a batch and a photograph are tensors: the same numbers, with another shape.

import { button, make } from "../../dom.js";
import { actions, choice, controls, drawPicture, figure, figures, picture, slider, status } from "../kit.js";
import { loadDigits } from "../digits.js";
import { tell } from "../words.js";

const SIDE = 8;
const BATCH = 4;

/** @param {HTMLElement} place */
export async function mount(place) {
  const { rows } = await loadDigits();
  let first = 0;
  const shape = choice(tell("lookAtAs"), [["row", tell("asRow")], ["picture", tell("asPicture")], ["batch", tell("asBatch")]], "picture", () => show());
  const [item, row, column] = [slider(tell("item"), { min: 0, max: BATCH - 1, value: 0 }, () => show()), slider(tell("row"), { min: 0, max: 7, value: 3 }, () => show()), slider(tell("column"), { min: 0, max: 7, value: 4 }, () => show())];
  const pictures = Array.from({ length: BATCH }, (_, n) => picture(tell("itemNumber", n), SIDE));
  const cells = make("div", { class: "cells", role: "img", "aria-label": tell("cellsLabel") });
  const [size, place_, value, bytes] = [figure(tell("shape"), "shape"), figure(tell("index"), "index"), figure(tell("value"), "value"), figure(tell("bytes"), "bytes")];
  const code = make("pre", { tabindex: 0, class: "command", role: "group", "aria-label": "PyTorch" });
  const said = status();

  function show() {
    const batch = Array.from({ length: BATCH }, (_, n) => rows[(first + n) % rows.length]);
    const chosen = batch[item.value];
    const flat = row.value * SIDE + column.value;
    const isRow = shape.value === "row";
    pictures.forEach((canvas, n) => {
      drawPicture(canvas, batch[n], 16);
      canvas.classList.toggle("faint", shape.value !== "batch" && n !== item.value);
    });
    cells.style.gridTemplateColumns = `repeat(${isRow ? 16 : SIDE}, minmax(0, 1fr))`;
    cells.replaceChildren(...chosen.map((pixel, n) => {
      const cell = make("span", {}, String(pixel));
      const shade = 16 + 239 * pixel / 16;
      Object.assign(cell.style, { background: `rgb(${shade} ${shade} ${shade})`, color: shade > 120 ? "#000" : "#fff" });
      if (n === flat) cell.style.outline = "3px solid var(--orange)";
      return cell;
    }));
    /** @type {Record<string, [string, string, string]>} */
    const told = {
      row: ["(64,)", `[${flat}]`, `x = torch.tensor(row, dtype=torch.float32)\nx.shape        # torch.Size([64])\nx[${flat}]          # ${chosen[flat]}.`],
      picture: ["(8, 8)", `[${row.value}, ${column.value}]`, `x = torch.tensor(row, dtype=torch.float32).reshape(8, 8)\nx.shape        # torch.Size([8, 8])\nx[${row.value}, ${column.value}]        # ${chosen[flat]}.`],
      batch: [`(${BATCH}, 1, 8, 8)`, `[${item.value}, 0, ${row.value}, ${column.value}]`, `x = torch.tensor(rows, dtype=torch.float32).reshape(-1, 1, 8, 8)\nx.shape        # torch.Size([${BATCH}, 1, 8, 8])\nx[${item.value}, 0, ${row.value}, ${column.value}]  # ${chosen[flat]}.`],
    };
    const [shapeText, indexText, program] = told[shape.value];
    size.show(shapeText);
    place_.show(indexText);
    value.show(chosen[flat]);
    const nBytes = 4 * 64 * (shape.value === "batch" ? BATCH : 1);
    bytes.show(nBytes);
    code.textContent = program;
    said.textContent = tell(/** @type {any} */ (`tensor_${shape.value}`), flat);
  }

  place.append(controls(shape, item, row, column), make("div", { class: "pair wide-left" }, cells, make("div", { class: "pictures" }, ...pictures.map((canvas, n) =>
    make("figure", {}, canvas, make("figcaption", {}, tell("itemNumber", n)))))), figures(size, place_, value, bytes), code, said,
  actions(button(tell("anotherDigit"), () => {
    first += BATCH;
    show();
  })));
  show();
}
