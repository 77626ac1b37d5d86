// A place for a picture: chosen, dropped, pasted or taken with the camera. The picture is not sent before it is asked about.
import { fresh, h } from "/page/dom.js";

const active = [];

document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files || [])].find((one) => one.type.startsWith("image/"));
  const shown = active.filter((one) => one.element.offsetParent);
  const place = shown.find((one) => one.element.contains(document.activeElement)) || shown.find((one) => !one.file) || shown[0];
  if (file && place) {
    event.preventDefault();
    place.take(file);
  }
});

export function pick(title, changed, { many = false } = {}) {
  const id = fresh("file");
  const input = h("input", { type: "file", id, accept: "image/png,image/jpeg,image/webp", multiple: many, hidden: true });
  const look = h("div", { class: "look" }, h("small", {}, "Drop a picture here, or paste one."));
  const said = h("small", { role: "status" });
  const choose = h("button", { type: "button", onclick: () => input.click() }, many ? "Choose pictures" : "Choose a picture");
  const camera = h("button", { type: "button", onclick: () => self.film() }, "Camera");
  const clear = h("button", { type: "button", hidden: true, onclick: () => self.clear() }, "Clear");
  const element = h("div", { class: "pick", role: "group", "aria-label": title }, h("h3", {}, title), look, input,
    h("div", { class: "row" }, choose, camera, clear), said);
  const self = { element, file: null, files: [], stream: null };

  self.take = (file, more = []) => {
    self.stop();
    self.file = file;
    self.files = [file, ...more];
    const shown = self.files.slice(0, 6).map((one) => {
      const image = h("img", { alt: title, src: URL.createObjectURL(one) });
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
      return image;
    });
    look.replaceChildren(...shown);
    said.textContent = self.files.length > 1 ? `${self.files.length} pictures` : "";
    element.classList.add("chosen");
    clear.hidden = false;
    changed(self);
  };
  self.clear = () => {
    self.stop();
    Object.assign(self, { file: null, files: [] });
    look.replaceChildren(h("small", {}, "Drop a picture here, or paste one."));
    said.textContent = "";
    element.classList.remove("chosen");
    clear.hidden = true;
    input.value = "";
    changed(self);
  };
  self.stop = () => {
    self.stream?.getTracks().forEach((track) => track.stop());
    self.stream = null;
  };
  self.film = async () => {
    try {
      self.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
    } catch {
      said.textContent = "There is no camera, or it may not be used here.";
      return;
    }
    const video = h("video", { autoplay: true, playsinline: true, muted: true });
    video.srcObject = self.stream;
    const shoot = h("button", { type: "button", class: "main" }, "Take it");
    shoot.addEventListener("click", () => {
      const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob((blob) => self.take(blob), "image/png");
    });
    look.replaceChildren(video, shoot);
    shoot.focus();
  };
  const images = (list) => [...list].filter((file) => file.type.startsWith("image/"));
  input.addEventListener("change", () => input.files.length && self.take(...split(images(input.files), many)));
  element.addEventListener("dragover", (event) => { event.preventDefault(); element.classList.add("over"); });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    const files = images(event.dataTransfer.files);
    if (files.length) self.take(...split(files, many));
    else said.textContent = "That was no picture.";
  });
  active.push(self);
  return self;
}

const split = (files, many) => [files[0], many ? files.slice(1) : []];
