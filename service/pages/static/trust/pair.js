// Two models on the same rows: what each alone has right, by how much they differ, and whether that is shown.

import { make } from "../dom.js";
import { hundredths, number, writeApart } from "../words.js";
import { SHARES } from "./view.js";
import { draw, drawInterval, makeScale, at as place } from "./svg.js";
import { say } from "./words.js";

/**
 * @param {import("./view.js").View} view
 * @param {[string, string]} pair
 * @param {(pair: [string, string]) => void} choose
 */
export function showPair(view, pair, choose) {
  const found = view.pair(...pair);
  const options = view.models.map(({ model }) => model).sort();
  const selects = [0, 1].map((side) => {
    const select = make("select", { "aria-label": say(side ? "second" : "first"), change: () => {
      const next = /** @type {[string, string]} */ ([...pair]);
      next[side] = select.value;
      if (next[0] === next[1]) next[1 - side] = pair[side];
      choose(next);
    } }, ...options.map((model) => make("option", { value: model, selected: model === pair[side] }, view.name(model))));
    return select;
  });
  return make("section", { class: "pair" },
    make("h2", {}, say("pair")),
    make("div", { class: "sides" }, selects[0], make("span", { class: "quiet" }, say("against")), selects[1]),
    ...(found ? tell(view, found) : []));
}

/** @param {import("./view.js").View} view @param {import("./view.js").Pair} pair */
function tell(view, pair) {
  const [a, b] = pair.models.map(view.name);
  const { both, onlyA, onlyB, none } = pair.counts;
  const rows = both + onlyA + onlyB + none;
  const [winner, loser] = pair.better === "b" ? [b, a] : [a, b];
  const verdict = pair.better ? say("isBetter", winner, loser, say(view.by)) : say("notApart", a, b, number(rows, {}), say(view.by));
  return [
    make("p", { class: "said" }, verdict),
    showCounts([["both", both, say("bothRight")], ["a", onlyA, say("onlyRight", a)], ["b", onlyB, say("onlyRight", b)], ["none", none, say("bothWrong")]]),
    showGain(view, pair, a),
    make("p", { class: "quiet" }, [
      pair.p === null ? "" : say("pValue", writeP(pair.p)),
      pair.better || pair.needed === null ? "" : say("needed", number(roundUp(Math.max(pair.needed, rows)), {})),
    ].filter(Boolean).join(" ")),
  ];
}

/**
 * Shows how many rows each has right as parts of one bar, with their names below.
 * @param {[string, number, string][]} parts
 */
function showCounts(parts) {
  const all = parts.reduce((sum, [, n]) => sum + n, 0);
  let from = 0;
  const bars = parts.map(([kind, n]) => {
    const bar = draw("rect", { class: kind, x: place(from / all), width: place(n / all), y: 0, height: "100%" });
    from += n;
    return bar;
  });
  return make("div", {}, draw("svg", { class: "counts", "aria-hidden": "true" }, ...bars),
    make("ul", { class: "legend" }, ...parts.map(([kind, n, name]) =>
      make("li", {}, make("span", { class: `swatch ${kind}` }), `${name}: `, make("b", {}, number(n, {}))))));
}

/** @param {import("./view.js").View} view @param {import("./view.js").Pair} pair @param {string} a */
function showGain({ by }, { gain, better }, a) {
  const scale = makeScale([0, gain.value, ...(gain.interval ?? [])]);
  const drawn = drawInterval({ value: scale.place(gain.value), interval: /** @type {any} */ (gain.interval?.map(scale.place) ?? null) }, [scale.place(0)], better ? "best" : "");
  drawn.append(draw("text", { x: place(scale.place(0)), y: 38, class: "zero", "text-anchor": "middle" }, "0"));
  const write = (/** @type {number} */ value, /** @type {number} */ digits) => `${value < 0 ? "−" : "+"}${SHARES.includes(by)
    ? hundredths(Math.abs(value), digits) : number(Math.abs(value), { maximumSignificantDigits: digits })}`;
  const unit = SHARES.includes(by) ? "\u00a0%" : "";
  const [value, low, high] = writeApart([gain.value, ...(gain.interval ?? [-1, 1])], SHARES.includes(by) ? 1 : 3, write);
  const told = gain.value === 0 && gain.interval ? say("gainNone", low, high + unit) : gain.interval ? say("gainBetween", a, value + unit, low, high + unit)
    : say("gain", a, value + unit);
  return make("div", { class: "gain" }, drawn, make("p", {}, told));
}

/** @param {number} p */
function writeP(p) {
  return p < 0.001 ? "p < 0.001" : `p = ${number(p, { maximumSignificantDigits: 2 })}`;
}

/** Returns a number of rows rounded up to two digits. @param {number} rows */
function roundUp(rows) {
  const power = 10 ** Math.max(Math.floor(Math.log10(rows)) - 1, 0);
  return Math.ceil(rows / power) * power;
}
