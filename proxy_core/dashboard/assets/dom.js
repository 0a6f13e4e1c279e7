"use strict";

const byId = (id) => document.getElementById(id);

/** `attributes` whose value is null or false are left out. Text never becomes markup. */
function make(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function tableOf(caption, heads, rows) {
  const cell = (tag, attributes) => (text, index) =>
    make(tag, { ...attributes, class: index ? "number" : null }, text);
  return make("table", {},
    make("caption", { class: "unseen" }, caption),
    make("thead", {}, make("tr", {}, ...heads.map(cell("th", { scope: "col" })))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell("td", {}))))));
}

/** Tells a screen reader, but not more often than it can be listened to. */
const announce = (() => {
  let last = 0, waiting = null;
  return (text) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { last = Date.now(); setText(byId("announced"), text); },
      Math.max(0, last + 8000 - Date.now()));
  };
})();
