"use strict";
// Links each line of text with its outline on the page, both ways, by their common data-k.
(() => {
  const textOf = (key) => document.getElementById("t-" + key);
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
  };
  const reveal = (element) => {
    if (!element) return;
    const box = element.getBoundingClientRect();
    const top = document.querySelector(".bar").getBoundingClientRect().bottom;
    if (box.top < top || box.bottom > innerHeight) element.scrollIntoView({ block: "center" });
  };

  // One tab stop for the text of a page; arrow keys move within it.
  for (const text of document.querySelectorAll(".words"))
    text.querySelectorAll("a[data-k]").forEach((line, n) => { line.tabIndex = n ? -1 : 0; });

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
    const line = event.target instanceof Element ? event.target.closest(".words a[data-k]") : null;
    if (!step || !line) return;
    const lines = [...line.closest(".words").querySelectorAll("a[data-k]")];
    const next = lines[lines.indexOf(line) + step];
    if (!next) return;
    event.preventDefault();
    line.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    choose(next.dataset.k);
  });

  // A finding leads to its line or region and shows it on both sides.
  const arrive = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.dataset.k) return;
    choose(target.dataset.k);
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", arrive);
  arrive();
})();
