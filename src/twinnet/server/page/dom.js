// Elements are built, never parsed: what a server or a user says is text and stays text.
export function h(name, attributes = {}, ...children) {
  const svg = ["svg", "path", "line", "text", "rect", "g", "title"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
export const figure = (value) => (value === null ? "–" : Number(value.toPrecision(4)).toString());

let ids = 0;
export const fresh = (name) => `${name}-${(ids += 1)}`;

export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined);
  return h("dl", { class: "facts" }, shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export function problem(error) {
  return h("div", { class: "card problem", role: "alert" }, h("strong", {}, error.message), h("p", {}, error.next || ""),
    error.id ? h("small", {}, `Request ${error.id}`) : null);
}

// One thing at a time in a place: a later request's answer replaces an earlier one's, in whichever order they come.
export async function into(place, work) {
  const turn = (place.turn = (place.turn || 0) + 1);
  place.classList.add("busy");
  place.setAttribute("aria-busy", "true");
  let shown;
  try {
    shown = await work();
  } catch (error) {
    shown = problem(error);
  }
  if (turn !== place.turn) return;
  place.replaceChildren(...[shown].flat().filter(Boolean));
  place.classList.remove("busy");
  place.removeAttribute("aria-busy");
}

export function ask(title, text) {
  const dialog = document.getElementById("ask-dialog");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}
