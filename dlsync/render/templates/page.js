"use strict";
(() => {
  const changes = [...document.querySelectorAll("details.change")];
  const tools = document.querySelector(".tools");
  const search = tools.querySelector("input[type=search]");
  const boxes = [...tools.querySelectorAll("input[type=checkbox]")];
  const shown = tools.querySelector(".shown");
  const texts = new Map();
  const number = new Intl.NumberFormat("en");

  const text = (change) => {
    if (!texts.has(change)) texts.set(change, change.textContent.toLowerCase());
    return texts.get(change);
  };

  function filter() {
    const wanted = {};
    for (const box of boxes) {
      if (box.checked) (wanted[box.closest("fieldset").dataset.by] ??= new Set()).add(box.value);
    }
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const change of changes) {
      const admitted = Object.entries(wanted).every(([name, values]) => values.has(change.dataset[name]));
      change.hidden = !(admitted && words.every((word) => text(change).includes(word)));
      count += !change.hidden;
    }
    shown.textContent = `${number.format(count)} of ${number.format(changes.length)} shown`;
  }

  function clear() {
    search.value = "";
    for (const box of boxes) box.checked = false;
    filter();
  }

  function reveal(change) {
    change.open = true;
    change.scrollIntoView({ block: "start" });
    change.firstElementChild.focus({ preventScroll: true });
  }

  function follow() {
    const change = document.getElementById(location.hash.slice(1));
    if (!changes.includes(change)) return;
    if (change.hidden) clear();
    reveal(change);
  }

  function step(by) {
    const visible = changes.filter((change) => !change.hidden);
    const at = visible.indexOf(document.activeElement.closest("details.change"));
    const next = visible[at < 0 ? (by > 0 ? 0 : visible.length - 1) : at + by];
    if (!next) return;
    next.firstElementChild.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  const keys = {
    "/": () => search.focus(),
    j: () => step(1),
    k: () => step(-1),
    o: () => {
      const change = document.activeElement.closest("details.change");
      if (change) change.open = !change.open;
    },
    Escape: clear,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const types = event.target.matches("input[type=search]");
    if (!Object.hasOwn(keys, event.key) || (types && event.key !== "Escape")) return;
    event.preventDefault();
    if (types) search.blur();
    keys[event.key]();
  });
  search.addEventListener("input", filter);
  tools.addEventListener("change", filter);
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    for (const change of changes) if (!change.hidden) change.open = Boolean(button.dataset.open);
  });
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => {
    for (const change of changes) change.open = true;
  });
  tools.hidden = false;
  filter();
  follow();
})();
