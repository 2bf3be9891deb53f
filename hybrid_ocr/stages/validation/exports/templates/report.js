"use strict";
// Links each line of text with its outline on the page, both ways, by their common data-k; steps through the
// weak lines; copies and saves the text.
(() => {
  const PAGE_BREAK = "\n\f\n"; // as in result.txt
  const byId = (id) => document.getElementById(id);
  const textOf = (key) => byId("t-" + key);
  const shapeOf = (key) => document.querySelector('polygon[data-k="' + CSS.escape(key) + '"]');
  const keyAt = (target) => {
    const element = target instanceof Element ? target.closest("[data-k]") : null;
    return element ? element.dataset.k : null;
  };
  let hovered = null;
  let chosen = null;

  const mark = (key, name, on) => {
    if (!key) return;
    for (const element of [textOf(key), shapeOf(key)]) if (element) element.classList.toggle(name, on);
  };
  const hover = (key) => {
    if (key === hovered) return;
    mark(hovered, "hover", false);
    hovered = key;
    mark(hovered, "hover", true);
  };
  const choose = (key) => {
    mark(chosen, "chosen", false);
    chosen = key;
    mark(chosen, "chosen", true);
    showPlace();
  };
  const reveal = (element) => {
    if (!element) return;
    const box = element.getBoundingClientRect();
    const bar = document.querySelector(".bar");
    const top = bar ? bar.getBoundingClientRect().bottom : 0;
    if (box.top < top || box.bottom > innerHeight) element.scrollIntoView({ block: "center" });
  };

  // One tab stop for the text of a page; arrow keys move within it.
  for (const text of document.querySelectorAll(".words"))
    text.querySelectorAll("a[data-k]").forEach((line, n) => { line.tabIndex = n ? -1 : 0; });
  const enter = (line) => {
    for (const other of line.closest(".words").querySelectorAll('a[tabindex="0"]')) other.tabIndex = -1;
    line.tabIndex = 0;
    choose(line.dataset.k);
  };
  const arriveAt = (line) => {
    enter(line);
    line.focus({ preventScroll: true });
    // Not smoothly: pages that were never shown get their height only on the way.
    line.scrollIntoView({ block: "center", behavior: "instant" });
  };

  document.addEventListener("pointerover", (event) => hover(keyAt(event.target)));
  document.addEventListener("focusin", (event) => hover(keyAt(event.target)));
  document.addEventListener("click", (event) => {
    const key = keyAt(event.target);
    if (!key || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(key);
    const text = textOf(key);
    if (event.target.closest("polygon")) {
      reveal(text);
      if (text) text.focus({ preventScroll: true });
    } else reveal(shapeOf(key));
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.altKey) {
      if (!weak.length || !event.key.endsWith(step > 0 ? "Down" : "Up")) return;
      event.preventDefault();
      stepWeak(step);
      return;
    }
    const line = event.target instanceof Element ? event.target.closest(".words a[data-k]") : null;
    if (!line) return;
    const lines = [...line.closest(".words").querySelectorAll("a[data-k]")];
    const next = lines[lines.indexOf(line) + step];
    if (!next) return;
    event.preventDefault();
    enter(next);
    next.focus();
  });

  // From weak line to weak line over all pages, from the line chosen last, round and round.
  const weak = [...document.querySelectorAll(".words a.weak")];
  const showPlace = () => {
    const place = byId("weak-place");
    const n = chosen ? weak.indexOf(textOf(chosen)) : -1;
    if (place) place.textContent = n < 0 ? "" : n + 1 + " of ";
  };
  const stepWeak = (by) => {
    const here = chosen && textOf(chosen);
    const side = by > 0 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING;
    const ahead = here ? weak.filter((line) => here.compareDocumentPosition(line) & side) : weak;
    const line = (ahead.length ? ahead : weak).at(by > 0 ? 0 : -1);
    arriveAt(line);
  };
  const steps = byId("step");
  if (steps) {
    steps.hidden = false;
    for (const button of steps.querySelectorAll("button"))
      button.addEventListener("click", () => stepWeak(Number(button.dataset.step)));
  }

  const pageText = (page) => {
    const text = page.querySelector("template.text");
    return text ? text.content.textContent : "";
  };
  const wholeText = () => [...document.querySelectorAll("section.page")].map(pageText).join(PAGE_BREAK) + "\n";
  const announcement = byId("announcement");
  const copyBySelection = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  const copy = async (button, text) => {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      done = copyBySelection(text); // browsers that keep the clipboard from local files
      button.focus({ preventScroll: true });
    }
    const label = button.dataset.label || button.textContent;
    button.dataset.label = label;
    button.textContent = done ? "Copied" : "Not copied";
    announcement.textContent = done ? "The text was copied." : "This browser does not let the report copy.";
    clearTimeout(button.timer);
    button.timer = setTimeout(() => { button.textContent = label; announcement.textContent = ""; }, 2000);
  };
  const onClick = (button, action) => {
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => action(button));
  };
  onClick(byId("copy"), (button) => copy(button, wholeText()));
  onClick(byId("save"), (button) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([wholeText()], { type: "text/plain;charset=utf-8" }));
    link.download = button.dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
  for (const button of document.querySelectorAll(".copy-page"))
    onClick(button, () => copy(button, pageText(button.closest("section.page")) + "\n"));

  // A finding or field leads to its line or region and shows it on both sides.
  const arrive = () => {
    const target = byId(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.dataset.k) return;
    arriveAt(target);
  };
  addEventListener("hashchange", arrive);
  arrive();
})();
