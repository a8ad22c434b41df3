// Modals: the view on top of the stack, its inputs, its errors.
"use strict";

function showView(view) {
  const over = byId("overlay");
  if (!view) {
    over.hidden = true;
    fill(over);
    over._view = null;
    return;
  }
  let modal = over._view;
  if (!modal || modal.dataset.view !== view.id) {
    modal = el("form", { class: "modal", role: "dialog", "aria-modal": "true", "data-view": view.id, novalidate: true });
    modal._title = el("h2");
    modal._trouble = el("p", { class: "modal-trouble", role: "alert", hidden: true });
    modal._body = el("div", { class: "modal-body" });
    modal._close = el("button", { type: "button", class: "button", "data-close": true });
    modal._submit = el("button", { type: "submit", class: "button primary", "data-submit": true });
    modal.append(el("div", { class: "modal-head" }, modal._title), modal._trouble, modal._body, el("div", { class: "modal-foot" }, modal._close, modal._submit));
    modal._close.addEventListener("click", () => act("view/close", { view_id: view.id }));
    modal.addEventListener("submit", (event) => { event.preventDefault(); submitView(modal); });
    over._view = modal;
    fill(over, modal);
    over.hidden = false;
    setTimeout(() => modal.querySelector("input, textarea, select")?.focus(), 0);
  }
  setText(modal._title, textObject(view.title).textContent);
  setText(modal._close, view.close ? view.close.text : view.depth > 1 ? "Back" : "Cancel");
  modal._submit.hidden = !view.submit;
  setText(modal._submit, view.submit ? view.submit.text : "");
  setText(modal._trouble, view.trouble || "");
  modal._trouble.hidden = !view.trouble;
  syncBlocks(modal._body, view.blocks, {
    send: (actionId, option) => act("view/click", { view_id: view.id, action_id: actionId, option, values: typed(modal) }),
  });
  showErrors(modal, view.errors);
}

function showErrors(modal, errors) {
  for (const block of modal._body.children) {
    if (!block._error) continue;
    const what = errors[block.dataset.blockId] || "";
    setText(block._error, what);
    block.classList.toggle("wrong", Boolean(what));
  }
}

function typed(modal) {
  const values = {};
  for (const node of modal._body.querySelectorAll("[data-action-id]")) {
    if (!node._item || node._item.type === "button" || node._item.type === "overflow") continue;
    const block = node.closest("[data-block-id]").dataset.blockId;
    values[block] = { ...values[block], [node._item.action_id]: valueOf(node) };
  }
  return values;
}

async function submitView(modal) {
  modal._submit.disabled = true;
  try {
    const result = await act("view/submit", { view_id: modal.dataset.view, values: typed(modal) });
    if (result.errors) showErrors(modal, result.errors);
  } finally {
    modal._submit.disabled = false;
  }
}
