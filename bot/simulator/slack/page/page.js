// The whole page: fetches the state on each change, shows it, and takes what the person writes.
"use strict";

function openThread(ts) {
  now.thread = ts;
  byId("thread-refusal").hidden = true;
  refresh();
}

function show(state) {
  Object.assign(now, { me: state.me, names: { ...state.names }, people: state.people, bot: state.bot, channel: state.channel.id });
  for (const channel of state.channels) now.names[channel.id] = channel.name;
  now.seen[state.channel.id] = state.channel.newest;
  const unread = (channel) => channel.id !== now.channel && channel.newest > (now.seen[channel.id] ?? "");
  sync(byId("channels"), state.channels.map((channel) => ({ ...channel, current: channel.id === now.channel, unread: unread(channel) })),
    (channel) => channel.id, channelNode, updateChannelNode);
  sync(byId("me"), state.people, (person) => person.id, (person) => el("option", { value: person.id }, "@" + person.name), (node) => node);
  if (byId("me").value !== state.me) byId("me").value = state.me;
  const sign = state.channel.direct ? "@" : "#";
  setText(byId("channel-name"), sign + state.channel.name);
  const note = state.channel.archived ? "archived" : state.channel.earlier ? `${state.channel.earlier} earlier messages are not shown` : "";
  setText(byId("channel-note"), note);
  byId("composer").firstElementChild.placeholder = `Message, or a command: /halt`;
  byId("bookmarks").hidden = !state.channel.bookmarks.length;
  sync(byId("bookmarks"), state.channel.bookmarks, (mark) => mark.id, (mark) => safeLink(mark.link, mark.title), (node) => node);
  showMessages(byId("messages"), state.channel.messages, false);
  byId("thread").hidden = !state.thread;
  if (state.thread) {
    setText(byId("thread-note"), `${sign}${state.channel.name}`);
    const replies = state.thread.replies;
    showMessages(byId("thread-messages"), [state.thread.root, ...replies], true);
  }
  for (const node of byId("messages").children) node.classList.toggle("open", node.dataset.ts === now.thread);
  showView(state.view);
}

function channelNode(channel) {
  const node = el("li", {}, el("button", { type: "button", "data-channel": channel.id, onclick: () => openChannel(channel.id) }, el("span")));
  return updateChannelNode(node, channel);
}

function updateChannelNode(node, channel) {
  const button = node.firstElementChild;
  setText(button.firstElementChild, (channel.direct ? "@" : "# ") + channel.name);
  button.setAttribute("aria-current", String(channel.current));
  button.classList.toggle("unread", channel.unread);
  return node;
}

function openChannel(id) {
  if (now.channel !== id) now.thread = "";
  now.channel = id;
  refresh();
}

// One request at a time; a change that comes meanwhile makes one more. Nothing moves while the mouse is down.
let busy = false, again = false, pressing = false, waiting = null;

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    do {
      again = false;
      const query = new URLSearchParams({ user: now.me, channel: now.channel, thread: now.thread });
      const answer = await fetch("/_sim/state?" + query);
      if (!answer.ok) throw new Error(await answer.text());
      const state = await answer.json();
      if (!again) whenReleased(() => show(state));
      connected(true);
    } while (again);
  } catch (error) {
    connected(false);
    console.error(error);
  } finally {
    busy = false;
  }
}

function whenReleased(task) {
  if (pressing) waiting = task;
  else task();
}

document.addEventListener("pointerdown", () => { pressing = true; }, true);
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => setTimeout(() => {
    pressing = false;
    const task = waiting;
    waiting = null;
    if (task) task();
  }, 0), true);
}

function connected(yes) {
  setText(byId("link"), yes ? "" : "The simulator does not answer.");
  byId("link").classList.toggle("lost", !yes);
}

async function write(form, threadTs) {
  const field = form.firstElementChild;
  const text = field.value.trim();
  if (!text) return;
  const command = /^(\/\S+)\s*([\s\S]*)$/.exec(text);
  byId("thread-refusal").hidden = true;
  if (command && threadTs) {
    setText(byId("thread-refusal"), `${command[1]} is not supported in threads. Use it in the channel, or a button in this thread.`);
    byId("thread-refusal").hidden = false;
    return;
  }
  field.value = "";
  const place = { channel: now.channel, thread_ts: threadTs };
  if (command) await act("slash", { ...place, command: command[1], text: command[2] });
  else await act("say", { ...place, text });
}

byId("composer").addEventListener("submit", (event) => { event.preventDefault(); write(event.target, null); });
byId("thread-composer").addEventListener("submit", (event) => { event.preventDefault(); write(event.target, now.thread); });
byId("thread-close").addEventListener("click", () => { now.thread = ""; refresh(); });
byId("desk-toggle").addEventListener("click", () => { now.deskHidden = !now.deskHidden; refreshDesk(); });
byId("me").addEventListener("change", (event) => {
  now.me = event.target.value;
  try { sessionStorage.setItem("me", now.me); } catch (error) { console.info("the choice of person is not remembered"); }
  refresh();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  byId("menu").hidden = true;
  if (!byId("dialog").hidden) byId("dialog").querySelector("[data-confirm=no]").click();
  else byId("overlay")._view?._close.click();
});

readAddress();
const changes = new EventSource("/_sim/events");
changes.onmessage = () => refresh();
changes.onerror = () => connected(false);
refresh();
refreshDesk();
setInterval(refreshDesk, 1000);
