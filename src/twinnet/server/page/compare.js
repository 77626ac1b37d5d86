import { post } from "/page/api.js";
import { h, into } from "/page/dom.js";
import { gauge } from "/page/gauge.js";
import { pick } from "/page/pick.js";
import { verdict } from "/page/words.js";

export function compare(panel, state) {
  const answer = h("div", { class: "card", "aria-live": "polite", id: "compare-answer" }, h("p", { class: "soft" }, "Choose two pictures."));
  const why = h("button", { type: "button", disabled: true, onclick: () => run(true) }, "Show what drives it");
  const heat = h("div", { class: "heat", "aria-live": "polite" });
  const changed = () => {
    heat.replaceChildren();
    why.disabled = !(one.file && other.file);
    if (one.file && other.file) run(false);
    else answer.replaceChildren(h("p", { class: "soft" }, "Choose two pictures."));
  };
  const one = pick("First picture", changed), other = pick("Second picture", changed);

  function run(explain) {
    const fields = [["first", one.file], ["second", other.file], ["explain", explain]];
    if (explain) return into(heat, async () => drawn((await post("/v1/verify", fields)).explanation));
    return into(answer, async () => {
      const said = await post("/v1/verify", fields);
      return [...verdict(said), gauge(await state.card(), said.distance)];
    });
  }

  const drawn = (found) => [
    ...["first", "second"].map((side) =>
      h("figure", {}, h("img", { src: found[side].overlay, alt: `The ${side} picture as the network sees it, with what drives the verdict laid over` }))),
    h("p", { class: "soft" }, "Blue: hiding this place moves the two apart, so it makes them alike. Orange: it sets them apart."),
  ];
  panel.append(h("div", { class: "two" }, one.element, other.element), answer, h("div", { class: "row" }, why), heat);
}
