// A verdict in words: short first, then how sure.
import { facts, figure, h, percent } from "/page/dom.js";

export function word(said) {
  if (said.abstained) return ["close", "Too close to call"];
  return said.same ? ["same", "The same"] : ["different", "Different"];
}

export function sure(probability) {
  if (probability === null) return "";
  const steps = [[0.99, "almost certainly the same"], [0.9, "very likely the same"], [0.7, "likely the same"], [0.3, "it could be either"],
    [0.1, "likely different"], [0.01, "very likely different"], [-1, "almost certainly different"]];
  const shown = probability > 0.999 ? "more than 99.9 %" : probability < 0.001 ? "less than 0.1 %" : percent(probability);
  return `${steps.find(([least]) => probability >= least)[1]} (${shown}, where half of all comparisons are of the same)`;
}

export function verdict(said, name = null) {
  const [kind, text] = word(said);
  const whole = name === null ? text : said.abstained ? text : said.same ? `It is ${name}` : `It is not ${name}`;
  const sign = said.distance < said.threshold ? "<" : "≥";
  return [
    h("p", { class: `verdict ${kind}` }, whole),
    h("p", {}, sure(said.probability)),
    facts([
      ["Distance", `${figure(said.distance)} ${sign} threshold ${figure(said.threshold)}`],
      ["False accepts", said.far ? `${percent(said.far.value, 2)} [${percent(said.far.low, 2)}, ${percent(said.far.high, 2)}] of wrong pairs pass such a verdict` : null],
      ["Nearer than this", typeof said.nearer_genuine === "number" ? `${percent(said.nearer_genuine, 0)} of pairs of the same, ${percent(said.nearer_impostor, 1)} of pairs of different ones` : null],
    ]),
  ];
}
