// Block Kit: blocks, buttons, menus, inputs. A node under the mouse stays as long as its id does.
"use strict";

// `home` says where blocks stand: {send(actionId, option, node), inView}.
function syncBlocks(container, blocks, home) {
  const items = blocks.map((block, index) => ({ ...block, block_id: block.block_id || "b" + index }));
  sync(container, items, (block) => block.type + " " + block.block_id,
    (block) => updateBlock(el("div", { class: "block " + block.type, "data-block-id": block.block_id }), block, home),
    (node, block) => updateBlock(node, block, home));
}

function updateBlock(node, block, home) {
  switch (block.type) {
    case "divider": break;
    case "header": fill(node, textObject(block.text, "span")); break;
    case "section": section(node, block, home); break;
    case "context":
      fill(node, ...block.elements.map((item) => (item.type === "image" ? el("span", {}, "▦ " + item.alt_text) : textObject(item, "span"))));
      break;
    case "actions":
      sync(node, block.elements, (item) => item.type + " " + item.action_id, (item) => element(item, home), (old, item) => element(item, home, old));
      break;
    case "input": inputBlock(node, block, home); break;
    case "image": fill(node, block.title ? textObject(block.title) : null, el("span", { class: "picture" }, "▦ " + block.alt_text)); break;
    case "markdown": fill(node, markdown(block.text)); break;
    case "rich_text": fill(node, rich(block)); break;
    case "table": fill(node, sheet(block)); break;
    case "alert": node.className = "block alert " + (block.level || "default"); fill(node, textObject(block.text)); break;
    default: fill(node, el("span", { class: "quiet" }, `(${block.type})`));
  }
  return node;
}

function section(node, block, home) {
  if (!node._main) {
    node._main = el("div", { class: "section-main" });
    node._side = el("div");
    fill(node, node._main, node._side);
  }
  const fields = block.fields ? el("div", { class: "fields" }, ...block.fields.map((field) => textObject(field))) : null;
  fill(node._main, block.text ? textObject(block.text) : null, fields);
  const side = block.accessory ? [block.accessory] : [];
  sync(node._side, side, (item) => item.type + " " + (item.action_id || ""), (item) => element(item, home), (old, item) => element(item, home, old));
}

function sheet(block) {
  const settings = block.column_settings || [];
  const align = (column) => (settings[column] && settings[column].align) || "";
  const cell = (item) => (item.type === "rich_text" ? rich(item) : String(item.text ?? item.value ?? ""));
  return el("table", { class: "sheet" }, ...block.rows.map((row) =>
    el("tr", {}, ...row.map((item, column) => el("td", { class: align(column) }, cell(item))))));
}

// An interactive element; `old` is its present node, which stays in place whenever it can.
function element(item, home, old) {
  if (item.type === "image") return el("span", { class: "picture" }, "▦ " + item.alt_text);
  if (item.type === "button") {
    const node = old || el("button", { type: "button" });
    node._item = item;
    node.className = "button " + (item.style || "");
    node.dataset.actionId = item.action_id;
    setText(node, textObject(item.text).textContent);
    if (!old) node.addEventListener("click", () => press(node, home));
    return node;
  }
  if (item.type === "overflow") {
    const node = old || el("button", { type: "button", class: "button", "aria-label": "More actions", "aria-haspopup": "menu" }, "…");
    node._item = item;
    node.dataset.actionId = item.action_id;
    if (!old) node.addEventListener("click", (event) => openMenu(node, home, event));
    return node;
  }
  const node = inputElement(item);
  node.addEventListener("change", () => confirmed(item.confirm, () => home.send(item.action_id, valueOf(node), node)));
  return node;
}

async function press(node, home) {
  const item = node._item;
  if (item.url) window.open(item.url, "_blank", "noopener");
  if (node.classList.contains("sent")) return;
  confirmed(item.confirm, async () => {
    node.classList.add("sent"); // a double click of the mouse is one click, as in Slack's client
    try {
      await home.send(item.action_id, null, node);
    } finally {
      node.classList.remove("sent");
    }
  });
}

function openMenu(node, home, event) {
  const menu = byId("menu");
  const close = () => { menu.hidden = true; };
  fill(menu, ...node._item.options.map((option) => el("button", {
    type: "button", role: "menuitem", "data-option": option.value,
    onclick: () => { close(); confirmed(node._item.confirm, () => home.send(node._item.action_id, option.value, node)); },
  }, textObject(option.text, "span"))));
  menu.hidden = false;
  const box = node.getBoundingClientRect();
  menu.style.left = Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8)) + "px";
  menu.style.top = Math.max(8, Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8)) + "px";
  event.stopPropagation();
  document.addEventListener("click", close, { once: true });
}

function confirmed(dialog, go) {
  if (!dialog) return go();
  const over = byId("dialog");
  const close = () => { over.hidden = true; fill(over); };
  const yes = el("button", { type: "button", class: "button " + (dialog.style || "primary"), "data-confirm": "yes" }, textObject(dialog.confirm, "span"));
  yes.addEventListener("click", () => { close(); go(); });
  fill(over, el("div", { class: "modal small", role: "alertdialog" },
    el("div", { class: "modal-head" }, el("h2", {}, textObject(dialog.title, "span"))),
    el("div", { class: "modal-body" }, textObject(dialog.text)),
    el("div", { class: "modal-foot" },
      el("button", { type: "button", class: "button", "data-confirm": "no", onclick: close }, textObject(dialog.deny, "span")), yes)));
  over.hidden = false;
  yes.focus();
}

function choices(item) {
  const people = now.people.map((person) => ({ value: person.id, label: "@" + person.name }));
  if (/users_select$/.test(item.type)) return people;
  const options = [...(item.options || []), ...(item.option_groups || []).flatMap((group) => group.options)];
  return options.map((option) => ({ value: option.value, label: textObject(option.text).textContent, option }));
}

function initials(item) {
  const one = item.initial_option?.value ?? item.initial_user ?? item.initial_date ?? item.initial_time ?? item.initial_value;
  const many = item.initial_options?.map((option) => option.value) ?? item.initial_users;
  return many ?? (one === undefined ? [] : [one]);
}

function inputElement(item) {
  const start = initials(item).map(String);
  const mark = { "data-action-id": item.action_id };
  let node;
  if (item.type === "checkboxes" || item.type === "radio_buttons") {
    const type = item.type === "checkboxes" ? "checkbox" : "radio";
    node = el("div", mark, ...choices(item).map(({ value, option }) => el("label", { class: "choice" },
      el("input", { type, name: "choice-" + item.action_id, value, checked: start.includes(value) }),
      el("span", {}, textObject(option.text, "span"), option.description ? el("small", {}, textObject(option.description, "span")) : null))));
  } else if (/select$/.test(item.type)) {
    const multiple = item.type.startsWith("multi_");
    const empty = multiple ? [] : [el("option", { value: "" }, item.placeholder ? item.placeholder.text : "Choose…")];
    node = el("select", { ...mark, multiple }, ...empty, ...choices(item).map(({ value, label }) => el("option", { value, selected: start.includes(value) }, label)));
  } else if (item.type === "plain_text_input" && item.multiline) {
    node = el("textarea", { ...mark, rows: 4, placeholder: item.placeholder?.text });
    node.value = start[0] ?? "";
  } else {
    const type = { datepicker: "date", timepicker: "time", email_text_input: "email", url_text_input: "url" }[item.type] || "text";
    node = el("input", { ...mark, type, placeholder: item.placeholder?.text, inputmode: item.type === "number_input" ? "decimal" : null });
    node.value = start[0] ?? "";
    node.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  }
  node._item = item;
  return node;
}

function valueOf(node) {
  const type = node._item.type;
  if (type === "checkboxes") return [...node.querySelectorAll("input:checked")].map((box) => box.value);
  if (type === "radio_buttons") return node.querySelector("input:checked")?.value ?? "";
  if (node.multiple) return [...node.selectedOptions].map((option) => option.value);
  return node.value;
}

function inputBlock(node, block, home) {
  node.className = "block input field";
  if (!node._label) {
    node._label = el("label");
    node._hold = el("div");
    node._hint = el("p", { class: "hint" });
    node._error = el("p", { class: "error", role: "alert" });
    fill(node, node._label, node._hold, node._hint, node._error);
  }
  const same = node._control && JSON.stringify(node._control._item) === JSON.stringify(block.element);
  if (!same) {
    const before = node._control;
    const made = inputElement(block.element);
    if (before && before._item.type === made._item.type && before.tagName === made.tagName && before.value) made.value = before.value;
    if (block.dispatch_action) made.addEventListener("change", () => home.send(block.element.action_id, valueOf(made), made));
    node._control = made;
    fill(node._hold, made);
    made.id = "input-" + block.block_id;
    node._label.htmlFor = made.id;
  }
  fill(node._label, textObject(block.label, "span"), block.optional ? el("span", { class: "optional" }, " (optional)") : null);
  setText(node._hint, block.hint ? block.hint.text : "");
}
