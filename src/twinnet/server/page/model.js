import { facts, figure, h, percent } from "/page/dom.js";
import { curve, gauge } from "/page/gauge.js";

export async function model(panel, state) {
  const card = await state.card(), rule = card.rule;
  const rate = (one) => (one ? `${percent(one.point, 2)} [${percent(one.low, 2)}, ${percent(one.high, 2)}]` : null);
  panel.append(
    h("h2", {}, "What is served"),
    facts([
      ["Fingerprint", card.fingerprint], ["Numbers", card.kind],
      ["Network", `${card.encoder}, embeddings of ${card.dim} numbers, ${card.comparison} distance`],
      ["Input", `${card.input.height} × ${card.input.width}, ${card.input.channels === 1 ? "grey" : "colour"}`],
      ["Offers", Object.entries(card.offers).filter(([, there]) => there).map(([name]) => name).join(", ") || "comparing"],
      ["You may", card.scopes.join(", ")],
      ["API", h("a", { href: "/openapi.json" }, "openapi.json")],
      ["twinnet", card.version],
    ]));
  if (rule) {
    panel.append(h("h2", {}, "How it decides"), gauge(card, null),
      facts([
        ["Same", `distance < ${figure(rule.threshold)} (${rule.method})`],
        ["False accepts", rate(rule.far)], ["False rejects", rate(rule.frr)],
        ["Too close to call", rule.abstain ? `${figure(rule.abstain[0])} to ${figure(rule.abstain[1])}` : null],
        ["Measured on", `${rule.n_genuine.toLocaleString()} pairs of the same, ${rule.n_impostor.toLocaleString()} of different ones; ${rule.learned_on}`],
        ["Calibration error", rule.ece === undefined ? null : `${figure(rule.ece)} (expected calibration error)`],
      ]));
    const drawn = curve(card);
    if (drawn) panel.append(h("h2", {}, "Probability of being the same"), drawn);
  } else panel.append(h("p", {}, "This model has no threshold: it measures and does not decide."));
  if (card.parity)
    panel.append(h("h2", {}, "Certificate of the export"),
      facts([
        ["Replayed", `${card.parity.pairs.toLocaleString()} pairs of ${card.parity.images.toLocaleString()} pictures`],
        ["Verdicts that flip", card.parity.flipped],
        ["Largest move of a distance", `${card.parity.largest_move.toExponential(1)} of the threshold`],
        ["int8", card.parity.int8_flipped === null ? null : `${card.parity.int8_flipped} verdicts differ at its own threshold ${figure(card.parity.int8_threshold)}`],
      ]));
  if (card.card) panel.append(h("div", { class: "card" }, ...markdown(card.card)));
}

// Headings, lists and bold, which is all that a card has. Built as elements: a card's words cannot become markup.
function markdown(text) {
  const bold = (line) => line.split(/\*\*(.+?)\*\*/).map((part, i) => (i % 2 ? h("strong", {}, part) : part.replaceAll("`", "")));
  const found = [];
  for (const line of text.split("\n")) {
    const heading = /^(#+) (.*)/.exec(line);
    if (heading) found.push(h(heading[1].length === 1 ? "h2" : "h3", {}, heading[2]));
    else if (line.startsWith("- ")) {
      if (found.at(-1)?.tagName !== "UL") found.push(h("ul"));
      found.at(-1).append(h("li", {}, ...bold(line.slice(2))));
    } else if (line.trim()) found.push(h("p", {}, ...bold(line)));
  }
  return found;
}
