// Messages of a channel and of a thread.
"use strict";

const clockTime = (ts) => slackDate(Number(ts.split(".")[0]), "{time}");

function messageNode(message, inThread) {
  const node = el("article", { class: "message", "data-ts": message.ts, "data-channel": now.channel });
  const bot = message.user === now.bot || message.private;
  const name = now.names[message.private ? now.bot : message.user] || message.user || "?";
  const tone = bot ? "bot" : "tone-" + ([...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 4);
  node._only = el("div", { class: "only", hidden: !message.private }, "Only visible to you");
  node._body = el("div", { class: "blocks" });
  node._foot = el("div");
  node._edited = el("span", { class: "edited" });
  node.append(
    el("div", { class: "avatar " + tone, "aria-hidden": "true" }, name[0].toUpperCase()),
    el("div", {}, node._only,
      el("div", { class: "byline" }, el("b", {}, name), bot ? el("span", { class: "badge" }, "APP") : null,
        el("time", { title: slackDate(Number(message.ts.split(".")[0]), "{date} {time_secs}") }, clockTime(message.ts)), node._edited),
      node._body, node._foot));
  return updateMessage(node, message, inThread);
}

function updateMessage(node, message, inThread) {
  const home = {
    send: (actionId, option) => act("click", { channel: now.channel, ts: message.ts, action_id: actionId, option }),
  };
  const blocks = message.blocks && message.blocks.length ? message.blocks : null;
  const lines = blocks || (message.text ? [{ type: "section", block_id: "text", text: { type: "mrkdwn", text: message.text } }] : []);
  const attached = (message.attachments || []).flatMap((attachment, index) => attachment.blocks ||
    [{ type: "section", block_id: "attachment" + index, text: { type: "mrkdwn", text: [attachment.pretext, attachment.title, attachment.text].filter(Boolean).join("\n") || " " } }]);
  syncBlocks(node._body, [...lines, ...attached], home);
  setText(node._edited, message.edited ? "(edited)" : "");
  foot(node, message, inThread);
  node.classList.toggle("private", Boolean(message.private));
  node.classList.toggle("open", !inThread && now.thread === message.ts);
  return node;
}

function foot(node, message, inThread) {
  const parts = [];
  if (message.trouble) parts.push({ kind: "trouble", text: message.trouble });
  if (message.pinned_to) parts.push({ kind: "quiet", text: "Pinned" });
  if (message.subtype === "thread_broadcast") parts.push({ kind: "quiet", text: inThread ? "Also sent to the channel" : "Replied to a thread" });
  for (const file of message.files || []) parts.push({ kind: "file", text: file.title, href: file.permalink });
  if (message.reactions?.length) parts.push({ kind: "reactions", text: message.reactions.map((reaction) => `${EMOJI[reaction.name] || reaction.name} ${reaction.count}`).join("  ") });
  if (!inThread && !message.private) parts.push({ kind: "replies", root: message.thread_ts || message.ts, count: message.reply_count || 0 });
  sync(node._foot, parts, (part) => part.kind + (part.href || ""), (part) => footPart(part), (old, part) => footPart(part, old));
}

function footPart(part, old) {
  if (part.kind === "replies") {
    const node = old || el("button", { type: "button", "data-open-thread": part.root });
    node._root = part.root;
    node.className = part.count ? "replies" : "replies none";
    setText(node, part.count === 0 ? "Reply in thread" : part.count === 1 ? "1 reply" : part.count + " replies");
    if (!old) node.addEventListener("click", () => openThread(node._root));
    return node;
  }
  if (part.kind === "file") return el("a", { class: "file", href: new URL(part.href).pathname, target: "_blank", rel: "noopener" }, "▤ " + part.text);
  if (part.kind === "reactions") return el("div", { class: "reactions" }, ...part.text.split("  ").map((text) => el("span", {}, text)));
  return el("div", { class: part.kind }, part.text);
}

function showMessages(list, messages, inThread) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  if (!messages.length) {
    fill(list, el("p", { class: "empty" }, byId("guide").hidden ? "Nothing here yet." : "Nothing here yet. To begin, press a scenario under “The desk”."));
    return;
  }
  sync(list, messages, (message) => now.channel + message.ts, (message) => messageNode(message, inThread), (node, message) => updateMessage(node, message, inThread));
  if (atEnd || list._place !== now.channel + (inThread ? now.thread : "")) list.scrollTop = list.scrollHeight;
  list._place = now.channel + (inThread ? now.thread : "");
}
