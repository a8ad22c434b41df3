// Small tools: elements, keyed lists, requests; and what is shown now.
"use strict";

const byId = (id) => document.getElementById(id);

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Keyed lists: a node stays in the document, and under the mouse, as long as its key is there.
function sync(container, items, keyOf, create, update) {
  const kept = new Map();
  for (const node of [...container.children]) {
    if (node._key !== undefined) kept.set(node._key, node);
    else node.remove();
  }
  let place = container.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = kept.get(key);
    const json = JSON.stringify(item);
    if (!node) {
      node = create(item);
      node._key = key;
      node._json = json;
      container.insertBefore(node, place);
    } else {
      kept.delete(key);
      if (node === place) place = place.nextSibling;
      else container.insertBefore(node, place);
      if (node._json !== json) {
        node._json = json;
        const other = update(node, item);
        if (other && other !== node) {
          other._key = key;
          other._json = json;
          node.replaceWith(other);
        }
      }
    }
  }
  for (const node of kept.values()) node.remove();
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function fill(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

async function post(name, body) {
  const answer = await fetch("/_sim/" + name, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user: now.me, ...body }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function act(name, body) {
  let result;
  try {
    result = await post(name, body);
  } catch (error) {
    toast("The simulator did not answer. Is the demo still running?");
    throw error;
  }
  if (result.problem) toast(result.problem);
  return result;
}

function toast(text) {
  const note = el("div", { class: "toast" }, text);
  byId("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

const now = { me: "", channel: "", thread: "", names: {}, people: [], bot: "", seen: {}, deskHidden: false };

try {
  now.me = sessionStorage.getItem("me") || "";
} catch (error) {
  now.me = ""; // storage may be forbidden: then nothing is remembered
}

function readAddress() {
  const place = location.pathname.match(/^\/archives\/([A-Z0-9]+)\/p(\d{10})(\d{6})$/);
  if (!place) return;
  now.channel = place[1];
  now.thread = new URLSearchParams(location.search).get("thread_ts") || `${place[2]}.${place[3]}`;
}
