"""A person acts: clicks, writes, types a slash command. Each act is a signed request to the bot."""

import json
from typing import Any

from bot.simulator.slack import payloads
from bot.simulator.slack.blocks import elements_of
from bot.simulator.slack.elements import all_options
from bot.simulator.slack.form import entered, find_option
from bot.simulator.slack.methods.chat import add_ephemeral, add_message, message_content, remove_message
from bot.simulator.slack.records import Answer, Json, SlackError, Unanswered
from bot.simulator.slack.sender import FORM, Sender, retry_headers
from bot.simulator.slack.workspace import Channel, Workspace


class SlashInThread(Exception):
    """Slack has no slash commands in threads."""


class Acting:
    """What people do in channels. `ModalActing` adds what they do in modals."""

    workspace: Workspace
    sender: Sender
    events: set[str]

    def click(
        self,
        channel: str,
        ts: str,
        action_id: str,
        user: str = "U0OPERATOR",
        retry_num: int | None = None,
        *,
        option: str | None = None,
    ) -> Answer:
        """Press a button of a message, or choose `option` of one of its menus.

        `action_id` may also be the value of an option of an overflow menu. Raises
        AssertionError, naming the buttons that are there, when there is no such button.
        """
        space = self.workspace
        with space.change():
            home = space.channel(channel)
            message, ephemeral = self._shown_message(home, ts, user)
            action = pressed(message.get("blocks") or [], action_id, option, f"message {ts} of #{home.name}")
            payload = payloads.message_action(space, home, message, action, user, ephemeral)
        answer = self.sender.send(payloads.form_body(payload), headers=retry_headers(retry_num))
        self._note(answer, f"{action['action_id']} in #{home.name}", user, message)
        return answer

    def slash(
        self,
        command: str,
        text: str = "",
        user: str = "U0OPERATOR",
        channel: str = "C0INCIDENTS",
        thread_ts: str | None = None,
    ) -> Answer:
        """Type a slash command in a channel. In a thread Slack refuses: raises SlashInThread."""
        if thread_ts is not None:
            raise SlashInThread(f"{command} is not supported in threads. Use it in the channel.")
        space = self.workspace
        with space.change():
            home = space.channel(channel)
            body = payloads.slash_command(space, home, command, text, user)
        answer = self.sender.send(body)
        if not answer.acknowledged:
            why = answer.error or f"the app answered {answer.status}"
            with space.change():
                add_ephemeral(space, home.id, user, {"text": f"{command} failed: {why}. Try it again."})
        self._note(answer, command, user)
        if answer.acknowledged and answer.body:
            self._show_reply(answer, home, user)
        return answer

    def say(self, channel: str, text: str, user: str = "U0OPERATOR", thread_ts: str | None = None) -> Json:
        """Write a message. The bot hears of it if it subscribed to that (see `events`)."""
        space = self.workspace
        with space.change():
            home = space.channel(channel)
            if home.archived:
                raise SlackError("is_archived")
            stored = add_message(space, home, {"channel": home.id, "text": text, "user": user}, thread_ts)
            inner = {**stored, "channel_type": "channel", "event_ts": stored["ts"]}
            bodies = []
            if "message" in self.events and home.bot_is_member:
                bodies.append(payloads.event(space, inner))
            if "app_mention" in self.events and f"<@{space.bot_user}>" in text:
                bodies.append(payloads.event(space, {**inner, "type": "app_mention"}))
        for body in bodies:
            answer = self.sender.send(body, "application/json")
            self._note(answer, "a message event", user)
        return dict(stored)

    def resend(self, answer: Answer) -> Answer:
        """The same request again, as Slack does when it believes that the first was not answered."""
        return self.sender.again(answer)

    def signed_request(
        self,
        body: str,
        content_type: str = FORM,
        secret: str | None = None,
        timestamp: int | None = None,
        path: str = "/slack/events",
    ) -> Answer:
        """Any body, signed with any secret at any time (seconds since 1970)."""
        return self.sender.send(body, content_type, secret=secret, timestamp=timestamp, path=path)

    def remove(self, channel: str, ts: str) -> None:
        """A person deletes a message."""
        with self.workspace.change():
            home = self.workspace.channel(channel)
            if ts not in home.messages:
                raise AssertionError(f"there is no message {ts} in #{home.name}")
            remove_message(self.workspace, home, ts)

    def archive(self, channel: str, archived: bool = True) -> None:
        """A person archives a channel, or opens it again."""
        with self.workspace.change():
            self.workspace.channel(channel).archived = archived

    def remove_bot(self, channel: str) -> None:
        """A person takes the bot out of a channel."""
        with self.workspace.change():
            self.workspace.channel(channel).bot_is_member = False

    def add_usergroup(self, group: str, handle: str, users: list[str]) -> None:
        """Give the workspace a paid plan with this user group."""
        with self.workspace.change():
            groups = self.workspace.usergroups or {}
            self.workspace.usergroups = {**groups, group: (handle, list(users))}

    def _shown_message(self, channel: Channel, ts: str, user: str) -> tuple[Json, bool]:
        if ts in channel.messages:
            return channel.messages[ts], False
        for shown in self.workspace.ephemeral:
            if shown["ts"] == ts and shown["channel"] == channel.id and shown["to"] == user:
                return shown, True
        raise AssertionError(f"there is no message {ts} in #{channel.name}")

    def _note(self, answer: Answer, what: str, user: str, message: Json | None = None) -> None:
        """Keep what was not acknowledged, and mark the message as Slack does."""
        space = self.workspace
        with space.change():
            if not answer.acknowledged:
                why = answer.error or f"the app answered {answer.status}"
                space.unanswered.append(Unanswered(what, user, answer.status, why, space.clock()))
            if message is not None:
                failed = None if answer.acknowledged else f"{space.bot_name} failed to respond"
                if message.get("trouble") != failed:
                    message["trouble"] = failed
                    message["revision"] = message.get("revision", 0) + 1

    def _show_reply(self, answer: Answer, channel: Channel, user: str) -> None:
        """The body of an acknowledged slash command is a message to the person, or to the channel."""
        space = self.workspace
        try:
            reply = json.loads(answer.body)
        except ValueError:
            reply = {"text": answer.body}
        if not isinstance(reply, dict) or not (reply.get("text") or reply.get("blocks")):
            return
        with space.change():
            content = message_content(reply)
            if reply.get("response_type") == "in_channel":
                author = {"user": space.bot_user, "bot_id": space.bot_id, "channel": channel.id, "text": ""}
                add_message(space, channel, {**author, **content})
            else:
                add_ephemeral(space, channel.id, user, content)


def pressed(blocks: list[Json], action_id: str, option: str | None, where: str) -> Json:
    """The action that a payload carries for an element. Raises AssertionError naming what is there."""
    there: list[str] = []
    for block in blocks:
        for _, element in elements_of(block):
            name = element.get("action_id", "")
            there.append(name)
            values = [item.get("value") for item in all_options(element)]
            if element["type"] == "overflow":
                there += [f"{name} -> {value}" for value in values]
                if name != action_id and action_id in values:
                    return _action(block, element, action_id)
            if name == action_id:
                return _action(block, element, option)
    raise AssertionError(f"no button {action_id!r} in {where}; there are: {', '.join(there) or 'none'}")


def _action(block: Json, element: Json, option: Any) -> Json:
    kind = element["type"]
    action: Json = {"type": kind, "action_id": element["action_id"], "block_id": block["block_id"]}
    if kind == "button":
        action.update((key, element[key]) for key in ("text", "value", "style") if key in element)
        return action
    if option is None:
        raise AssertionError(f"{element['action_id']!r} is a {kind}: say which option")
    if kind == "overflow":
        return {**action, "selected_option": find_option(element, option)}
    return {**action, **entered(element, option)}
