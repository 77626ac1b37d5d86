import { post } from "/page/api.js";
import { figure, fresh, h, into, percent } from "/page/dom.js";

const SIDE = 280;

function pad(label, changed) {
  const canvas = h("canvas", { class: "pad", width: SIDE, height: SIDE, role: "img", "aria-label": label, tabindex: 0 });
  const pen = canvas.getContext("2d");
  const self = { canvas, empty: true };
  let last = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  self.clear = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, SIDE, SIDE);
    self.empty = true;
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    Object.assign(pen, { lineWidth: 8, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(last[0] + 0.1, last[1]);
    pen.stroke();
    self.empty = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    pen.beginPath();
    pen.moveTo(...last);
    last = at(event);
    pen.lineTo(...last);
    pen.stroke();
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => {
      if (last) changed();
      last = null;
    });
  self.put = async (file) => {
    const image = await createImageBitmap(file);
    const scale = Math.min(SIDE / image.width, SIDE / image.height);
    self.clear();
    pen.drawImage(image, (SIDE - image.width * scale) / 2, (SIDE - image.height * scale) / 2, image.width * scale, image.height * scale);
    self.empty = false;
    changed();
  };
  self.blob = () => new Promise((done) => canvas.toBlob(done, "image/png"));
  self.clear();
  return self;
}

function loader(target) {
  const input = h("input", { type: "file", accept: "image/png,image/jpeg,image/webp", hidden: true });
  input.addEventListener("change", () => input.files[0] && target.put(input.files[0]));
  return [input, h("button", { type: "button", onclick: () => input.click() }, "Take a picture file")];
}

export function draw(panel) {
  const known = []; // { name, blob }, in this tab alone: the server keeps none of it
  const id = fresh("character");
  const name = h("input", { id, type: "text", maxlength: 100, autocomplete: "off" });
  const teach = pad("Draw an example here", () => {});
  const said = h("p", { role: "status" });
  const examples = h("ul", { class: "sheet", id: "examples" });
  const form = h("form", { class: "card" }, h("h2", {}, "1. One example of each"), h("p", { class: "soft" }, "Draw a character that nobody taught it, name it, and add it."),
    teach.canvas, h("label", { for: id }, "Its name"), name,
    h("div", { class: "row" }, h("button", { type: "submit", class: "main" }, "Add"), h("button", { type: "button", onclick: () => teach.clear() }, "Wipe"), ...loader(teach)), said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (teach.empty || !name.value.trim()) {
      said.textContent = "Draw something and give it a name first.";
      return;
    }
    known.push({ name: name.value.trim(), blob: await teach.blob() });
    said.textContent = `${name.value.trim()} is learned.`;
    teach.clear();
    name.value = "";
    show();
  });
  const show = () => {
    examples.replaceChildren(...known.map((one, i) => {
      const image = h("img", { class: "thumb", alt: "", src: URL.createObjectURL(one.blob) });
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
      return h("li", {}, image, h("strong", {}, one.name), " ",
        h("button", { type: "button", "aria-label": `Remove ${one.name}`, onclick: () => { known.splice(i, 1); show(); } }, "×"));
    }));
    if (!probe.empty) read();
  };

  const answer = h("div", { "aria-live": "polite", id: "draw-answer" }, h("p", { class: "soft" }, "It is read as soon as you lift the pen."));
  const probe = pad("Draw one of them again here", () => read());
  const read = () => into(answer, async () => {
    if (!known.length) return h("p", {}, "Add an example first.");
    const fields = [["image", await probe.blob()], ...known.flatMap((one) => [["examples", one.blob], ["names", one.name]])];
    const found = await post("/v1/read", fields);
    const best = found.ranking[0];
    return [
      h("p", { class: `verdict ${found.unknown ? "different" : "same"}` }, found.unknown ? "None of them" : best.name),
      found.unknown ? h("p", { class: "soft" }, `The nearest is ${best.name}, and even that is as far as strange characters are.`) : null,
      h("div", { class: "bars" }, found.ranking.slice(0, 8).flatMap((guess) => bar(guess, found.ranking))),
    ];
  });
  const bar = (guess, all) => {
    const share = guess.probability ?? 1 - guess.distance / (all[all.length - 1].distance || 1);
    const fill = h("span");
    fill.style.width = `${Math.max(1, 100 * share)}%`;
    return [h("span", {}, guess.name), h("span", { class: "bar", "aria-hidden": "true" }, fill),
      h("small", {}, guess.probability === null ? `distance ${figure(guess.distance)}` : percent(guess.probability))];
  };
  const asks = h("div", { class: "card" }, h("h2", {}, "2. Draw one again"), probe.canvas,
    h("div", { class: "row" }, h("button", { type: "button", onclick: () => { probe.clear(); answer.replaceChildren(); } }, "Wipe"), ...loader(probe)), answer);
  panel.append(h("div", { class: "two" }, form, asks), h("h2", {}, "Learned"), examples);
}
