// Three arms, and nobody says which is best: you choose, and two policies play the same game beside you.

import { button, make } from "../../dom.js";
import { number } from "../../words.js";
import { Chart } from "../chart.js";
import { actions, bar, figure, figures, legend, status } from "../kit.js";
import { POLICIES, measureRegret } from "../maths/bandit.js";
import { makeRandom } from "../maths/random.js";
import { tell } from "../words.js";

const RATES = [0.55, 0.8, 0.65];
const NAMES = ["A", "B", "C"];
const PLAYERS = /** @type {const} */ (["you", "thompson", "epsilon_greedy"]);
const KINDS = { you: "text-colour", thompson: "blue", epsilon_greedy: "orange" };
const MAX_ROUNDS = 1000;

/** @typedef {{records: {wins: number, losses: number}[], chosen: number[]}} Player */

/** @param {HTMLElement} place */
export function mount(place) {
  let seed = 1;
  let random = makeRandom(seed);
  let hidden = [0, 1, 2];
  /** @type {Record<string, Player>} */
  let players = {};
  const chart = new Chart({ x: [0, 20], y: [0, 2], xLabel: tell("rounds"), yLabel: tell("regret"), label: tell("regretChart"), width: 560, height: 220 });
  const bars = make("ul", { class: "bars" });
  const told = Object.fromEntries(PLAYERS.map((name) => [name, figure(tell(`regret_${name}`), name)]));
  const rounds = figure(tell("rounds"), "rounds");
  const said = status();
  const rates = () => hidden.map((arm) => RATES[arm]);

  function restart() {
    random = makeRandom(seed);
    hidden = [0, 1, 2].map((arm) => (arm + seed) % 3);
    players = Object.fromEntries(PLAYERS.map((name) => [name, { records: NAMES.map(() => ({ wins: 0, losses: 0 })), chosen: [] }]));
    show(tell("banditStart"));
  }

  /** @param {Player} player @param {number} arm */
  function pull(player, arm) {
    const isWin = random() < rates()[arm];
    player.records[arm][isWin ? "wins" : "losses"] += 1;
    player.chosen.push(arm);
    return isWin;
  }

  /** @param {number} arm */
  function play(arm) {
    if (players.you.chosen.length >= MAX_ROUNDS) return;
    const isWin = pull(players.you, arm);
    for (const name of /** @type {const} */ (["thompson", "epsilon_greedy"])) pull(players[name], POLICIES[name](players[name].records, random));
    show(tell(isWin ? "banditRight" : "banditWrong", NAMES[arm]));
  }

  /** @param {string} text */
  function show(text) {
    const n = players.you.chosen.length;
    const regrets = PLAYERS.map((name) => measureRegret(players[name].chosen, rates()));
    chart.rescale({ x: [0, Math.max(20, n)], y: [0, Math.max(2, 1.1 * Math.max(...regrets))] });
    chart.clear();
    for (const name of PLAYERS) {
      /** @type {[number, number][]} */
      const line = [[0, 0]];
      for (const arm of players[name].chosen) line.push([line.length, line[line.length - 1][1] + Math.max(...rates()) - rates()[arm]]);
      chart.line(line, KINDS[name]);
    }
    for (const [index, name] of PLAYERS.entries()) told[name].show(regrets[index], number(regrets[index], { maximumFractionDigits: 1 }));
    rounds.show(n);
    bars.replaceChildren(...NAMES.map((name, arm) => {
      const { wins, losses } = players.you.records[arm];
      return bar(tell("classifier", name), wins + losses ? wins / (wins + losses) : 0, `${wins} / ${wins + losses}`);
    }));
    said.textContent = n >= 30 ? tell("banditReveal", NAMES.map((name, arm) => `${name} ${number(100 * rates()[arm])} %`).join(", ")) : text;
  }

  place.append(make("p", {}, tell("banditLead")),
    actions(...NAMES.map((name, arm) => button(tell("askClassifier", name), () => play(arm), { class: "hard" })), button(tell("twentyRounds"), () => {
      const best = () => {
        const { records } = players.you;
        const shares = records.map(({ wins, losses }) => (wins + 1) / (wins + losses + 2));
        return shares.indexOf(Math.max(...shares));
      };
      for (let n = 0; n < 20; n++) play(best());
    }), button(tell("restart"), () => {
      seed += 1;
      restart();
    })), bars, chart.element, legend(["text-colour", tell("you")], ["blue", "Thompson"], ["orange", "ε-greedy"]), figures(rounds, ...PLAYERS.map((name) => told[name])), said);
  restart();
}
