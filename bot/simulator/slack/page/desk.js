// The desk at the side: the broker, the ledger, alerts, scenarios.
"use strict";

function figures(title, rows, columns) {
  if (!rows || !rows.length) return el("table", { class: "figures" }, el("caption", {}, title), el("tr", {}, el("td", { class: "none" }, "none")));
  const cell = (row, column) => el("td", { class: /qty|price|value|impact/.test(column) ? "num" : "" }, row[column] === null || row[column] === undefined ? "" : String(row[column]));
  const shown = rows.slice(0, 12).map((row) => el("tr", {}, ...columns.filter((column) => row[column] !== undefined || rows.some((other) => other[column] !== undefined)).map((column) => cell(row, column))));
  const more = rows.length > 12 ? [el("tr", {}, el("td", { class: "none", colspan: 9 }, `and ${rows.length - 12} more`))] : [];
  return el("table", { class: "figures" }, el("caption", {}, `${title} (${rows.length})`), ...shown, ...more);
}

const ENDED = new Set(["canceled", "filled", "rejected", "expired", "replaced", "done_for_day"]);
const ORDER_COLUMNS = ["side", "qty", "symbol", "type", "status"];
const dollars = (text) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text).toLocaleString("en-US", { style: "currency", currency: "USD" }) : text);

function account(data) {
  return el("div", { class: "account", "data-account": data.name },
    el("div", { class: "account-head" }, el("b", {}, data.name), el("span", { class: data.suspended ? "state stopped" : "state" }, data.suspended ? "Trading suspended" : "Trading allowed")),
    el("div", { class: "quiet" }, `${data.number || ""}${data.equity ? " · equity " + dollars(data.equity) : ""}`),
    figures("Open orders", data.orders.filter((order) => !ENDED.has(order.status)), ORDER_COLUMNS),
    data.orders.some((order) => ENDED.has(order.status)) ? figures("Ended orders", data.orders.filter((order) => ENDED.has(order.status)), ORDER_COLUMNS) : null,
    figures("Positions", data.positions, ["symbol", "qty", "avg_price", "value"]));
}

const words = (item) => (typeof item === "string" ? item : Object.values(item).filter((value) => value !== null && typeof value !== "object").join(" · "));

function showDesk(desk) {
  byId("desk").hidden = !desk.present || now.deskHidden;
  byId("desk-toggle").hidden = !desk.present;
  setText(byId("desk-toggle"), now.deskHidden ? "Show desk" : "Hide desk");
  byId("guide").hidden = !desk.present;
  if (!desk.present) return;
  sync(byId("scenarios"), desk.scenarios, (item) => item.id, scenario, (old, item) => { fill(old, el("b", {}, item.title), el("span", {}, item.description)); return old; });
  const panel = desk.panel;
  const parts = [];
  if (panel.accounts?.length) parts.push({ key: "accounts", title: "Broker", accounts: panel.accounts });
  if (panel.ledger) parts.push({ key: "ledger", title: "Desk's ledger", ledger: panel.ledger });
  if (panel.alerts) parts.push({ key: "alerts", title: "Alerts firing", alerts: panel.alerts });
  sync(byId("desk-panel"), parts, (part) => part.key, (part) => updatePart(el("section"), part), updatePart);
}

function scenario(item) {
  const node = el("button", { type: "button", class: "scenario", "data-scenario": item.id }, el("b", {}, item.title), el("span", {}, item.description));
  node.addEventListener("click", async () => {
    node.disabled = true;
    try {
      await act("scenario", { id: item.id });
      await refreshDesk();
    } finally {
      node.disabled = false;
    }
  });
  return node;
}

function updatePart(node, part) {
  let body;
  if (part.accounts) body = part.accounts.map(account);
  else if (part.ledger) body = Array.isArray(part.ledger) && part.ledger.length ? [figures("Positions on record", part.ledger, ["account", "symbol", "qty", "avg_price"])] : [el("p", { class: "quiet" }, "No positions on record.")];
  else body = part.alerts.length ? part.alerts.map((item) => el("div", { class: "line" }, words(item))) : [el("p", { class: "quiet" }, "None.")];
  fill(node, el("h3", {}, part.title), ...body);
  return node;
}

async function refreshDesk() {
  try {
    const answer = await fetch("/_sim/desk");
    if (answer.ok) showDesk(await answer.json());
  } catch (error) {
    connected(false);
  }
}
