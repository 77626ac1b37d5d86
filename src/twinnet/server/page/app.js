// Tabs, the key, and what every tab asks: the model's card.
import { get, key, whenKeyIsNeeded } from "/page/api.js";
import { compare } from "/page/compare.js";
import { problem } from "/page/dom.js";
import { draw } from "/page/draw.js";
import { gallery } from "/page/gallery.js";
import { model } from "/page/model.js";
import { texts } from "/page/texts.js";

const builders = { compare, gallery, draw, texts, model };
const built = new Set();
let card = null;
const state = { card: () => (card ||= get("/v1/model").catch((error) => { card = null; throw error; })) };

const dialog = document.getElementById("key-dialog"), input = document.getElementById("key-input");
function askForKey() {
  input.value = key.get();
  dialog.returnValue = "cancel";
  if (!dialog.open) dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => {
    if (dialog.returnValue === "use") key.set(input.value.trim());
    input.value = "";
    done(dialog.returnValue === "use");
  }, { once: true }));
}
whenKeyIsNeeded(askForKey);
document.getElementById("key-button").addEventListener("click", async () => {
  if (await askForKey()) location.reload();
});

const tabs = [...document.querySelectorAll("[role=tab]")];
async function open(tab, focus, chosenByUser = true) {
  const name = tab.getAttribute("aria-controls");
  for (const one of tabs) {
    const chosen = one === tab;
    one.setAttribute("aria-selected", String(chosen));
    one.tabIndex = chosen ? 0 : -1;
    document.getElementById(one.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (focus) tab.focus();
  // Not at the start: a fragment would move the keyboard's place past the link to the content and the tabs.
  if (chosenByUser) history.replaceState(null, "", `#${name}`);
  if (built.has(name)) return;
  built.add(name);
  const panel = document.getElementById(name);
  try {
    await builders[name](panel, state);
  } catch (error) {
    built.delete(name); // the next visit tries again
    panel.replaceChildren(problem(error));
  }
}
tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => open(tab, false));
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    open(tabs[(to + tabs.length) % tabs.length], true);
  });
});
open(tabs.find((tab) => `#${tab.getAttribute("aria-controls")}` === location.hash) || tabs[0], false, false);

const served = document.getElementById("served");
state.card().then((found) => {
  const grey = found.input.channels === 1 ? "grey" : "colour";
  served.textContent = `${found.encoder} ${found.input.height} × ${found.input.width} ${grey}, ${found.kind}, ${found.fingerprint}`;
}, (error) => { served.textContent = error.message; });
