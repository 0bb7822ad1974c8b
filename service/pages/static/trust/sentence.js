// The sentence of a verdict: who leads, than whom it is shown to be better, and who may be the best.

import { make } from "../dom.js";
import { number } from "../words.js";
import { writeFigure } from "./view.js";
import { say } from "./words.js";

/** @param {import("./view.js").View} shown @param {"onOwn" | "onHeldOut"} where */
export function writeSummary(shown, where) {
  const { name, leader, by } = shown;
  const [better, level] = [/** @type {string[]} */ ([]), /** @type {string[]} */ ([])];
  for (const { model } of shown.models) {
    if (model === leader) continue;
    (shown.pair(leader, model)?.better === "a" ? better : level).push(name(model));
  }
  const rows = number(shown.rows, {});
  const figure = writeLeader(shown);
  const front = [leader, ...shown.equal].map(name);
  const [lead, rest] = shown.models.length === 1 ? say("alone", rows, name(leader), say(by), figure)
    : [say("leads", front), say(where, rows, say(by), figure)];
  const said = make("p", { class: "sentence" }, make("b", {}, lead), rest);
  const subject = front.length > 1 ? name(leader) : null;
  if (better.length) said.append(say("better", better, subject), level.length ? say("butNot", level) : say("end"));
  else if (level.length) said.append(say("noneBetter", level, subject));
  const best = shown.best.length;
  if (best > 1) said.append(" ", make("span", { class: "quietly" }, best === shown.models.length ? say("anyMayBe") : say("mayBe", best)));
  return said;
}

/** Writes the figure of whoever leads, who was chosen on these rows. @param {import("./view.js").View} shown */
function writeLeader({ by, leaderFigure, models }) {
  const n = models.length;
  return writeFigure(by, leaderFigure, n === 1 ? "" : by === "accuracy" ? say("asBestOf", n) : say("asOnlyOne"));
}
