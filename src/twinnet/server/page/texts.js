import { postJson } from "/page/api.js";
import { facts, figure, fresh, h, into, percent } from "/page/dom.js";
import { sure } from "/page/words.js";

export function texts(panel) {
  const box = (title) => {
    const id = fresh("text");
    const area = h("textarea", { id, spellcheck: "false" });
    return [h("div", {}, h("label", { for: id }, title), area), area];
  };
  const [first, one] = box("First text"), [second, other] = box("Second text");
  const id = fresh("kind");
  const kind = h("select", { id }, ...[["", "Prose"], ["py", "Python"], ["java", "Java"], ["c", "C"], ["cpp", "C++"], ["js", "JavaScript"]].map(
    ([value, text]) => h("option", { value }, text)));
  const answer = h("div", { "aria-live": "polite", id: "texts-answer" });
  const form = h("form", {}, h("div", { class: "two" }, first, second),
    h("div", { class: "row" }, h("label", { for: id, class: "inline" }, "They are"), kind, h("button", { type: "submit", class: "main" }, "Compare")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    into(answer, async () => shown(await postJson("/v1/texts/compare", { first: one.value, second: other.value, language: kind.value })));
  });
  panel.append(form, answer);
}

function shown(found) {
  const copied = found.copied, passages = new Set(copied.first.map((piece) => piece.passage).filter(Boolean)).size;
  const meaning = found.meaning;
  return [
    h("div", { class: "card" },
      h("p", { class: `verdict ${copied.same ? "same" : "different"}` }, copied.same ? "They share text" : "No copy to be seen"),
      h("p", {}, copied.probability === null ? "" : `${percent(copied.probability)} of pairs like this one were copies, where half of all were`),
      facts([
        ["Shared passages", `${passages}: ${percent(copied.share_first, 0)} of the first, ${percent(copied.share_second, 0)} of the second text`],
        ["Longest run that is the same", `${copied.verbatim} words or tokens`],
        ["Do they say the same?", meaning ? `${meaning.same === null ? `distance ${figure(meaning.distance)}` : meaning.same ? "yes" : "no"}${meaning.probability == null ? "" : `: ${sure(meaning.probability)}`}` : null],
      ]),
      h("p", { class: "soft" }, "It shows what they share, not who wrote it first, nor whether sharing it was allowed.")),
    h("div", { class: "two" }, side("First text", copied.first, "a"), side("Second text", copied.second, "b")),
  ];
}

function side(title, pieces, own) {
  const begun = new Set();
  const body = pieces.map((piece) => {
    if (piece.omitted) return h("em", {}, " […] ");
    if (!piece.passage) return piece.text;
    const first = !begun.has(piece.passage);
    begun.add(piece.passage);
    const mark = h("mark", { class: `p${piece.passage % 5}`, id: first ? `${own}${piece.passage}` : null, tabindex: first ? 0 : null, role: first ? "button" : null,
      "aria-label": first ? `Passage ${piece.passage}: ${piece.text.slice(0, 60)}. Go to it in the other text` : null }, first ? h("sup", {}, piece.passage) : null, piece.text);
    const go = () => {
      document.querySelectorAll("mark.at").forEach((one) => one.classList.remove("at"));
      const target = document.getElementById(`${own === "a" ? "b" : "a"}${piece.passage}`);
      target?.classList.add("at");
      target?.scrollIntoView({ block: "nearest" });
      target?.focus({ preventScroll: true });
    };
    mark.addEventListener("click", go);
    mark.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); go(); } });
    return mark;
  });
  return h("div", {}, h("h3", {}, title), h("div", { class: "text", tabindex: 0 }, ...body));
}
