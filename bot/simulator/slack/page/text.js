// Text as Slack shows it: mrkdwn, markdown, rich text, dates. Always inserted as text, never as HTML.
"use strict";

const EMOJI = {
  white_check_mark: "✅", warning: "⚠️", rotating_light: "🚨", red_circle: "🔴", large_yellow_circle: "🟡",
  large_orange_circle: "🟠", large_green_circle: "🟢", large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫",
  octagonal_sign: "🛑", eyes: "👀", x: "❌", heavy_check_mark: "✔️", hourglass_flowing_sand: "⏳", no_entry: "⛔",
};

const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const plain = (text) => unescape(text).replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] || all);

// Round marks are drawn: not every machine has a font with colours.
const DOTS = { "🔴": "red", "🟠": "orange", "🟡": "yellow", "🔵": "blue", "🟢": "green" };
const coloured = (text) => text.split(/(🔴|🟠|🟡|🔵|🟢)/u).filter(Boolean)
  .map((part) => (DOTS[part] ? el("span", { class: "dot " + DOTS[part], role: "img", "aria-label": DOTS[part] }) : part));

const WEB = /^(https?:|mailto:)/i;

function safeLink(url, label) {
  const target = unescape(url);
  if (!WEB.test(target)) return document.createTextNode(label || target);
  return el("a", { href: target, target: "_blank", rel: "noopener noreferrer" }, label || target);
}

function slackDate(seconds, format) {
  const date = new Date(seconds * 1000);
  const day = (options) => new Intl.DateTimeFormat("en-US", options).format(date);
  const long = { year: "numeric", month: "long", day: "numeric" };
  const short = { year: "numeric", month: "short", day: "numeric" };
  const midnight = (when) => new Date(when.getFullYear(), when.getMonth(), when.getDate()).getTime();
  const distance = Math.round((midnight(date) - midnight(new Date())) / 86400000);
  const pretty = (options) => ({ "-1": "yesterday", 0: "today", 1: "tomorrow" })[distance] || day(options);
  const clock = { hour: "2-digit", minute: "2-digit", hour12: false };
  const iso = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  const tokens = {
    date_num: iso.map((part) => String(part).padStart(2, "0")).join("-"),
    date_slash: iso.map((part) => String(part).padStart(2, "0")).join("/"),
    date: day(long), date_short: day(short), date_long: day({ ...long, weekday: "long" }),
    date_pretty: pretty(long), date_short_pretty: pretty(short), date_long_pretty: pretty({ ...long, weekday: "long" }),
    time: day(clock), time_secs: day({ ...clock, second: "2-digit" }), ago: ago(date),
  };
  return format.replace(/\{([a-z_]+)\}/g, (all, name) => tokens[name] ?? all);
}

function ago(date) {
  const minutes = Math.round((date.getTime() - Date.now()) / 60000);
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (Math.abs(minutes) < 60) return format.format(minutes, "minute");
  if (Math.abs(minutes) < 1440) return format.format(Math.round(minutes / 60), "hour");
  return format.format(Math.round(minutes / 1440), "day");
}

function control(inner) {
  const bar = inner.indexOf("|");
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? "" : unescape(inner.slice(bar + 1));
  const mention = (text, loud) => el("span", { class: loud ? "mention loud" : "mention" }, text);
  if (target.startsWith("@")) return mention("@" + (now.names[target.slice(1)] || label || target.slice(1)));
  if (target.startsWith("#")) return mention("#" + (now.names[target.slice(1)] || label || target.slice(1)));
  if (target.startsWith("!date^")) {
    const [, seconds, format, link] = target.split("^");
    const time = el("time", { title: label }, /^\d+$/.test(seconds) ? slackDate(Number(seconds), format || "{date_num}") : label);
    return link ? el("span", {}, safeLink(link, time.textContent)) : time;
  }
  if (target.startsWith("!subteam^")) return mention(label || "@" + target.slice(9));
  if (target.startsWith("!")) return mention("@" + target.slice(1), true);
  return WEB.test(target) ? safeLink(target, label) : document.createTextNode(unescape(`<${inner}>`));
}

const INLINE = /<([^<>\n]+)>|`([^`\n]+)`|(?<![\w*_~])([*_~])(?=[^\s*_~])([^\n]*?[^\s])\3(?![\w*_~])/;

function inline(text, parent) {
  let rest = text;
  while (rest) {
    const match = INLINE.exec(rest);
    if (!match) {
      parent.append(...coloured(plain(rest)));
      return parent;
    }
    if (match.index) parent.append(...coloured(plain(rest.slice(0, match.index))));
    if (match[1] !== undefined) parent.append(control(match[1]));
    else if (match[2] !== undefined) parent.append(el("code", {}, unescape(match[2])));
    else parent.append(inline(match[4], el({ "*": "b", _: "i", "~": "s" }[match[3]])));
    rest = rest.slice(match.index + match[0].length);
  }
  return parent;
}

function mrkdwn(text, parent) {
  text.split(/```/).forEach((part, index) => {
    if (index % 2) {
      parent.append(el("pre", {}, unescape(part.replace(/^\n/, ""))));
      return;
    }
    let quote = null;
    const lines = part.split("\n");
    lines.forEach((line, at) => {
      const quoted = /^(&gt;|>)\s?/.exec(line);
      if (quoted) {
        if (!quote) parent.append((quote = el("blockquote")));
        else quote.append("\n");
        inline(line.slice(quoted[0].length), quote);
        return;
      }
      if (at && !quote) parent.append("\n");
      quote = null;
      inline(line, parent);
    });
  });
  return parent;
}

function textObject(object, tag = "div") {
  const node = el(tag, { class: "text" });
  if (!object) return node;
  if (object.type === "mrkdwn") mrkdwn(object.text, node);
  else node.append(...coloured(object.emoji === false ? object.text : object.text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] || all)));
  return node;
}

// Markdown blocks: headings, lists, tables, code, emphasis, links.
function mdInline(text, parent) {
  const pattern = /\*\*(.+?)\*\*|(?<!\w)[*_]([^*_\n]+)[*_](?!\w)|`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)|<([^<>\n]+)>/;
  let rest = text;
  for (let match; (match = pattern.exec(rest)); rest = rest.slice(match.index + match[0].length)) {
    parent.append(plain(rest.slice(0, match.index)));
    if (match[1] !== undefined) parent.append(mdInline(match[1], el("b")));
    else if (match[2] !== undefined) parent.append(mdInline(match[2], el("i")));
    else if (match[3] !== undefined) parent.append(el("code", {}, match[3]));
    else if (match[4] !== undefined) parent.append(safeLink(match[5], match[4]));
    else parent.append(control(match[6]));
  }
  parent.append(plain(rest));
  return parent;
}

function markdown(text) {
  const body = el("div", { class: "text md" });
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    let match;
    if (line.startsWith("```")) {
      const code = [];
      for (at++; at < lines.length && !lines[at].startsWith("```"); at++) code.push(lines[at]);
      body.append(el("pre", {}, code.join("\n")));
    } else if ((match = /^(#{1,6})\s+(.*)/.exec(line))) body.append(mdInline(match[2], el("h4")));
    else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) body.append(el("hr"));
    else if (line.trim().startsWith("|")) {
      const table = el("table", { class: "sheet" });
      for (; at < lines.length && lines[at].trim().startsWith("|"); at++) {
        if (/^[\s|:-]+$/.test(lines[at])) continue;
        const cells = lines[at].trim().replace(/^\||\|$/g, "").split("|");
        table.append(el("tr", {}, ...cells.map((cell) => mdInline(cell.trim(), el("td")))));
      }
      at--;
      body.append(table);
    } else if ((match = /^\s*([-*]|\d+\.)\s+(\[[ xX]\]\s+)?(.*)/.exec(line))) {
      const tag = /\d/.test(match[1]) ? "ol" : "ul";
      let list = body.lastChild;
      if (!list || list.tagName !== tag.toUpperCase()) body.append((list = el(tag)));
      const box = match[2] ? (/x/i.test(match[2]) ? "☑ " : "☐ ") : "";
      list.append(mdInline(box + match[3], el("li")));
    } else if ((match = /^>\s?(.*)/.exec(line))) body.append(mdInline(match[1], el("blockquote")));
    else if (line.trim()) body.append(mdInline(line, el("div")));
  }
  return body;
}

function richPart(part) {
  const style = part.style || {};
  let node;
  if (part.type === "text") node = document.createTextNode(part.text || "");
  else if (part.type === "link") node = safeLink(part.url || "", part.text);
  else if (part.type === "user") node = control("@" + part.user_id);
  else if (part.type === "channel") node = control("#" + part.channel_id);
  else if (part.type === "usergroup") node = control("!subteam^" + part.usergroup_id);
  else if (part.type === "broadcast") node = control("!" + part.range);
  else if (part.type === "emoji") node = document.createTextNode(EMOJI[part.name] || `:${part.name}:`);
  else if (part.type === "date") node = document.createTextNode(slackDate(part.timestamp, part.format || "{date_num}"));
  else node = document.createTextNode(part.text || part.fallback || "");
  for (const [name, tag] of [["bold", "b"], ["italic", "i"], ["strike", "s"], ["code", "code"]]) if (style[name]) node = el(tag, {}, node);
  return node;
}

function rich(element) {
  const parts = (element.elements || []);
  if (element.type === "rich_text") return el("div", {}, ...parts.map(rich));
  if (element.type === "rich_text_list") return el(element.style === "ordered" ? "ol" : "ul", {}, ...parts.map((item) => el("li", {}, rich(item))));
  const tag = { rich_text_preformatted: "pre", rich_text_quote: "blockquote" }[element.type] || "div";
  return el(tag, { class: "text" }, ...parts.map(richPart));
}
