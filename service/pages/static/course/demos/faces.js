// How faces are recognised, shown on digits: mean, "eigen-pictures", nearest portrait, and a line beyond which one is unknown.

import { button, make } from "../../dom.js";
import { number } from "../../words.js";
import { actions, controls, drawPicture, figure, figures, picture, slider, status } from "../kit.js";
import { loadDigits } from "../digits.js";
import { findComponents, project, restore } from "../maths/components.js";
import { findNearest, DISTANCES } from "../maths/neighbours.js";
import { tell } from "../words.js";

const N_COMPONENTS = 12;
const N_KNOWN = 200;
/** Who is known: portraits of the others are strangers. */
const KNOWN = ["0", "1", "2", "3", "4", "5", "6"];

/** @param {HTMLElement} place */
export async function mount(place) {
  const { rows, truth } = await loadDigits();
  const gallery = rows.slice(0, N_KNOWN).filter((_, index) => KNOWN.includes(truth[index]));
  const names = truth.slice(0, N_KNOWN).filter((name) => KNOWN.includes(name));
  const found = findComponents(gallery, N_COMPONENTS);
  const codes = gallery.map((row) => project(row, found.mean, found.components));
  let chosen = 0;
  const limit = slider(tell("unknownBeyond"), { min: 5, max: 45, step: 1, value: 20 }, () => show());
  const parts = Array.from({ length: 4 }, (_, n) => slider(tell("component", n + 1), { min: -30, max: 30, step: 1, value: 0 }, () => mix()));
  const canvases = Object.fromEntries(["visitor", "restored", "nearest", "average", "mixed"].map((name) => [name, picture(tell(/** @type {any} */ (`face_${name}`)), 8)]));
  const eigen = found.components.slice(0, 4).map((_, n) => picture(tell("component", n + 1), 8));
  const [distance, name, passed, rejected] = [figure(tell("distance"), "distance"), figure(tell("recognisedAs"), "name"), figure(tell("strangersPassed"), "passed"), figure(tell("knownRejected"), "rejected")];
  const said = status();
  const visitors = rows.slice(N_KNOWN).map((row, index) => {
    const code = project(row, found.mean, found.components);
    const [nearest] = findNearest(codes, code, 1, "euclidean");
    return { row, code, nearest, far: DISTANCES.euclidean(code, codes[nearest]), truth: truth[N_KNOWN + index] };
  });

  function show() {
    const visitor = visitors[chosen % visitors.length];
    const isKnown = visitor.far <= limit.value;
    drawPicture(canvases.visitor, visitor.row, 16);
    drawPicture(canvases.restored, restore(visitor.code, found.mean, found.components), 16);
    drawPicture(canvases.nearest, gallery[visitor.nearest], 16);
    distance.show(visitor.far, number(visitor.far, { maximumFractionDigits: 1 }));
    name.show(isKnown ? names[visitor.nearest] : tell("unknown"));
    const strangers = visitors.filter((each) => !KNOWN.includes(each.truth));
    const friends = visitors.filter((each) => KNOWN.includes(each.truth));
    const nPassed = strangers.filter(({ far }) => far <= limit.value).length;
    const nRejected = friends.filter(({ far }) => far > limit.value).length;
    passed.show(nPassed, `${nPassed} / ${strangers.length}`);
    rejected.show(nRejected, `${nRejected} / ${friends.length}`);
    const isFriend = KNOWN.includes(visitor.truth);
    said.textContent = tell(isKnown ? (isFriend ? "faceRight" : "facePassed") : isFriend ? "faceRejected" : "faceStranger", visitor.truth);
  }

  function mix() {
    drawPicture(canvases.mixed, restore(parts.map((part) => part.value), found.mean, found.components), 16);
  }

  const shown = (/** @type {Node} */ canvas, /** @type {string} */ text) => make("figure", {}, canvas, make("figcaption", {}, text));
  drawPicture(canvases.average, found.mean, 16);
  for (const [n, canvas] of eigen.entries()) drawPicture(canvas, found.components[n], 0.35, { isSigned: true });
  place.append(make("p", { class: "quiet" }, tell("facesLead")), controls(limit),
    make("div", { class: "pictures large" }, ...["visitor", "restored", "nearest"].map((each) => shown(canvases[each], tell(/** @type {any} */ (`face_${each}`))))),
    figures(distance, name, passed, rejected), said, actions(button(tell("nextVisitor"), () => {
      chosen += 1;
      show();
    }, { class: "hard" })),
    make("div", { class: "pictures" }, shown(canvases.average, tell("face_average")), ...eigen.map((canvas, n) => shown(canvas, tell("component", n + 1))), shown(canvases.mixed, tell("face_mixed"))),
    controls(...parts));
  show();
  mix();
}
