/* Forms with files: pick or drop several, see what is sent, keep what was typed and chosen after an
   error. Without this script the same form does the same, but for the progress and the dropping. */
"use strict";

(() => {
  const MEBIBYTE = 1024 * 1024;
  const size = (bytes) =>
    bytes < MEBIBYTE ? `${Math.max(1, Math.round(bytes / 1024))} KiB` : `${(bytes / MEBIBYTE).toFixed(1)} MiB`;

  const made = (name, text = "", values = {}) => {
    const element = document.createElement(name);
    element.textContent = text;
    return Object.assign(element, values);
  };

  /** Let a form send its files from here; `chosen` are those that were chosen before. */
  const enhance = (form, chosen = []) => {
    const input = form.querySelector("input[type=file]");
    const place = form.querySelector("[data-files]");
    if (!input || !place) return;
    const [fileMax, itemMax] = [Number(place.dataset.fileMax), Number(place.dataset.itemMax)];
    let files = [];

    const drop = made("p", "Or drop files here.", { className: "drop" });
    const list = made("ul", "", { className: "picked" });
    const told = made("p", "", { className: "told" });
    told.setAttribute("role", "status");
    const bar = made("progress", "", { max: 100, value: 0, hidden: true });
    bar.setAttribute("aria-label", "Sent");
    const stop = made("button", "Stop sending", { type: "button", className: "button", hidden: true });
    place.append(drop, list, bar, told, stop);

    const hold = () => {
      const held = new DataTransfer();
      files.forEach((file) => held.items.add(file));
      input.files = held.files;
    };

    const objection = () => {
      const large = files.find((file) => file.size > fileMax);
      if (large) return `“${large.name}” is larger than ${size(fileMax)}, the most a file may have. Take it out.`;
      const sum = files.reduce((total, file) => total + file.size, 0);
      if (sum > itemMax) return `The files have ${size(sum)} together; an item takes ${size(itemMax)}. Take some out.`;
      return "";
    };

    const show = () => {
      list.replaceChildren(
        ...files.map((file, place) => {
          const row = made("li", `${file.name}, ${size(file.size)} `);
          const out = made("button", "Take out", { type: "button", className: "button" });
          out.setAttribute("aria-label", `Take out ${file.name}`);
          out.addEventListener("click", () => {
            files.splice(place, 1);
            hold();
            show();
            (list.querySelectorAll("button")[place] || input).focus();
          });
          row.append(out);
          return row;
        }),
      );
      told.textContent = objection();
      told.classList.toggle("bad", told.textContent !== "");
    };

    const add = (more) => {
      for (const file of more) {
        const there = (one) => one.name === file.name && one.size === file.size && one.lastModified === file.lastModified;
        if (!files.some(there)) files.push(file);
      }
      hold();
      show();
    };

    input.addEventListener("change", () => add([...input.files]));
    for (const kind of ["dragenter", "dragover"]) {
      form.addEventListener(kind, (event) => {
        if (![...event.dataTransfer.types].includes("Files")) return;
        event.preventDefault();
        drop.classList.add("over");
      });
    }
    for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => drop.classList.remove("over"));
    form.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      add([...event.dataTransfer.files]);
    });

    const failed = (sentence) => {
      bar.hidden = stop.hidden = true;
      form.querySelectorAll("button[type=submit]").forEach((button) => (button.disabled = false));
      told.textContent = `${sentence} What you typed and chose is still here.`;
      told.classList.add("bad");
      told.scrollIntoView({ block: "center" });
    };

    form.addEventListener("submit", (event) => {
      if (!files.length) return;
      event.preventDefault();
      const why = objection();
      if (why) {
        told.textContent = `Not sent. ${why}`;
        input.focus();
        return;
      }
      const request = new XMLHttpRequest();
      request.open("POST", form.action || location.href);
      request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
      let said = -1;
      request.upload.addEventListener("progress", ({ loaded, total }) => {
        bar.value = (100 * loaded) / total;
        // Those who listen hear every tenth, not every packet.
        const tenth = Math.floor((10 * loaded) / total);
        if (tenth > said) told.textContent = `${size(loaded)} of ${size(total)} sent.`;
        said = Math.max(said, tenth);
      });
      request.upload.addEventListener("load", () => {
        told.textContent = "All is sent; it is being checked and recorded.";
      });
      request.addEventListener("error", () => failed("The connection broke; nothing was given."));
      request.addEventListener("abort", () => failed("Stopped; nothing was given."));
      request.addEventListener("load", () => answered(request, failed, files));
      stop.addEventListener("click", () => request.abort(), { once: true });
      form.querySelectorAll("button[type=submit]").forEach((button) => (button.disabled = true));
      bar.hidden = stop.hidden = false;
      bar.scrollIntoView({ block: "center" });
      told.classList.remove("bad");
      request.send(new FormData(form));
    });

    if (chosen.length) add(chosen);
  };

  /** Go on to what was given, or show the page that says why not, with the files still chosen. */
  const answered = (request, failed, files) => {
    if (request.status === 201) {
      location.assign(JSON.parse(request.responseText).location);
      return;
    }
    if (new URL(request.responseURL).pathname.startsWith("/login/")) {
      failed("You are signed out. Sign in in another tab, then send it again.");
      return;
    }
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const form = page.querySelector("form[data-upload]");
    if (!form) {
      const sentence = page.querySelector("#sentence, #content p");
      failed(sentence ? sentence.textContent.trim() : `Nothing was given (status ${request.status}).`);
      return;
    }
    page.querySelectorAll("[data-files-lost]").forEach((lost) => lost.remove());
    const content = document.adoptNode(page.querySelector("#content"));
    document.querySelector("#content").replaceWith(content);
    enhance(content.querySelector("form[data-upload]"), files);
    content.querySelector("#answer")?.focus();
  };

  document.querySelectorAll("form[data-upload]").forEach((form) => enhance(form));
})();
