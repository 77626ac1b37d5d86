import { forget, get, picture, post } from "/page/api.js";
import { ask, figure, fresh, h, into, percent } from "/page/dom.js";
import { pick } from "/page/pick.js";
import { sure, word } from "/page/words.js";

export async function gallery(panel, state) {
  const card = await state.card();
  if (!card.offers.gallery) {
    panel.append(h("p", {}, "This server has no gallery. Start it with --gallery FOLDER."));
    return;
  }
  const seen = new Map(); // pictures that were enrolled from this tab, by name
  const id = fresh("name");
  const name = h("input", { id, type: "text", maxlength: 200, autocomplete: "off" });
  const done = h("div", { role: "status" });
  const added = pick("Pictures to enrol", () => {}, { many: true });
  const enrol = h("button", { type: "submit", class: "main" }, "Enrol");
  const form = h("form", { class: "card" }, h("h2", {}, "Enrol"), h("label", { for: id }, "Name"), name, added.element, h("div", { class: "row" }, enrol), done);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    into(done, async () => {
      if (!name.value.trim() || !added.files.length) throw Object.assign(new Error("A name and at least one picture are needed."), { next: "" });
      const said = await post("/v1/identities", [["identity", name.value.trim()], ...added.files.map((file) => ["images", file])]);
      seen.set(said.identity, added.file);
      added.clear();
      name.value = "";
      await listed();
      again();
      return h("p", {}, `${said.identity} is enrolled with ${said.items} ${said.items === 1 ? "picture" : "pictures"}.`);
    });
  });

  const answer = h("div", { "aria-live": "polite", id: "gallery-answer" });
  const again = () => (probe.file ? into(answer, asked) : answer.replaceChildren());
  const probe = pick("Who is this?", again);
  const asked = async () => {
    const known = await state.card();
    const found = known.rule ? (await post("/v1/identify", [["image", probe.file], ["k", 3]])).matches : [];
    const near = (await post("/v1/search", [["image", probe.file], ["k", 24]])).matches;
    const first = found[0];
    return [
      h("div", { class: "card" }, h("p", { class: `verdict ${first ? word(first)[0] : "different"}` }, first ? first.identity : "Unknown"),
        h("p", {}, first ? sure(first.probability) : "Nobody who is enrolled is this near."),
        first?.far_in_gallery != null ? h("p", { class: "soft" }, `About ${percent(first.far_in_gallery)} of strangers would be taken for somebody in this gallery.`) : null),
      h("h2", {}, "Nearest"), h("ul", { class: "sheet" }, near.map(tile)),
    ];
  };
  const tile = (match) => h("li", { class: match.same ? "same" : null }, thumb(match.identity), h("strong", {}, match.identity),
    h("br"), h("small", {}, `distance ${figure(match.distance)}${match.same ? ", the same" : ""}`));

  function thumb(who) {
    const place = h("div", { class: "thumb", "aria-hidden": "true" }, [...who][0]);
    const show = (blob) => {
      const image = h("img", { class: "thumb", alt: "", src: URL.createObjectURL(blob) });
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
      place.replaceWith(image);
    };
    if (seen.has(who)) setTimeout(() => show(seen.get(who)));
    else if (card.offers.pictures) picture(who).then(show, () => {});
    return place;
  }

  const list = h("div", { id: "enrolled", "aria-live": "polite" });
  let offset = 0;
  const listed = () => into(list, async () => {
    const page = await get(`/v1/identities?offset=${offset}&limit=50`);
    if (!page.identities.length && offset) {
      offset = Math.max(0, offset - 50);
      return listed();
    }
    const rows = page.identities.map((one) => h("tr", {}, h("td", {}, one.identity), h("td", { class: "end" }, one.items),
      h("td", { class: "end" }, h("button", { type: "button", class: "danger", "aria-label": `Forget ${one.identity}`, onclick: () => remove(one.identity) }, "Forget"))));
    const turn = (step, text, off) => h("button", { type: "button", disabled: off, onclick: () => { offset += step; listed(); } }, text);
    return [
      h("p", {}, page.total === 1 ? "1 is enrolled." : `${page.total} are enrolled.`),
      rows.length ? h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "Name"), h("th", { class: "end" }, "Pictures"), h("th", {}))), h("tbody", {}, rows)) : null,
      page.total > 50 ? h("div", { class: "row" }, turn(-50, "Back", !offset), turn(50, "More", offset + 50 >= page.total)) : null,
    ];
  });
  async function remove(who) {
    if (!(await ask(`Forget ${who}?`, "What is stored of this identity is erased for good, on the disk too. There is no undo."))) return;
    await into(done, async () => {
      const said = await forget(who);
      seen.delete(who);
      await listed();
      again();
      return h("p", {}, said.erased ? `${who} is forgotten.` : `${who} is forgotten; the bytes leave the disk when the gallery is opened next.`);
    });
  }

  const asks = h("div", {}, probe.element, answer);
  panel.append(h("div", { class: "two" }, asks, form), h("h2", {}, "Who is enrolled"), list);
  await listed();
}
