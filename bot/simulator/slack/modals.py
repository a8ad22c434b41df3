"""A person in a modal: choosing, submitting, closing; and what Slack does with the app's answer."""

import json
from collections.abc import Mapping
from typing import Any

from bot.simulator.slack import payloads
from bot.simulator.slack.acting import Acting, pressed
from bot.simulator.slack.form import Refused, check_entries, collect
from bot.simulator.slack.methods.views import push_on, replace
from bot.simulator.slack.records import Answer, Json, SlackError
from bot.simulator.slack.views import check_view
from bot.simulator.slack.workspace import OpenView

Values = Mapping[str, Any]


class ModalActing(Acting):
    """What people do in modals."""

    def click_in_view(
        self,
        view_id: str,
        action_id: str,
        user: str | None = None,
        *,
        option: Any = None,
        values: Values | None = None,
    ) -> Answer:
        """Press a button or choose an option inside an open view. `values` is what else is typed by then."""
        with self.workspace.change():
            shown = self._open_view(view_id, user)
            blocks = shown.view["blocks"]
            action = pressed(blocks, action_id, option, f"view {view_id}")
            entries = dict(values or {})
            if option is not None and action["type"] not in ("overflow", "button"):
                entries[action["block_id"]] = {action["action_id"]: option}
            shown.values = collect(blocks, shown.values, entries)
            payload = payloads.view_action(self.workspace, shown, shown.values, action)
        answer = self.sender.send(payloads.form_body(payload))
        self._note(answer, f"{action['action_id']} in the view {shown.view['callback_id']}", shown.user)
        return answer

    def submit(self, view_id: str, values: Values | None = None, user: str | None = None) -> Answer:
        """Submit an open view with `{block_id: value}`, and do what the app's answer says.

        Raises Refused (an AssertionError to a test) when a required input is missing or out of bounds:
        Slack's client would not send that.
        """
        with self.workspace.change():
            shown = self._open_view(view_id, user)
            if not shown.view.get("submit"):
                raise AssertionError(f"the view {view_id} has no submit button")
            try:
                shown.values = collect(shown.view["blocks"], shown.values, values or {})
                check_entries(shown.view["blocks"], shown.values)
            except Refused as refusal:
                shown.errors = refusal.errors
                raise
            shown.errors, shown.trouble = {}, None
            payload = payloads.view_submission(self.workspace, shown, shown.values)
        answer = self.sender.send(payloads.form_body(payload))
        self._note(answer, f"the submission of {shown.view['callback_id']}", shown.user)
        self._follow(shown, answer)
        return answer

    def close_view(self, view_id: str, user: str | None = None) -> Answer | None:
        """Close an open view and what lies on it. The app hears of it when the view asked for that."""
        with self.workspace.change():
            shown = self._open_view(view_id, user)
            stack = self.workspace.stacks[shown.user]
            del stack[stack.index(shown) :]
            if not shown.view["notify_on_close"]:
                return None
            state = collect(shown.view["blocks"], shown.values, {})
            payload = payloads.view_closed(self.workspace, shown, state, cleared=not stack)
        answer = self.sender.send(payloads.form_body(payload))
        self._note(answer, f"the closing of {shown.view['callback_id']}", shown.user)
        return answer

    def _open_view(self, view_id: str, user: str | None) -> OpenView:
        shown = self.workspace.find_view(view_id)
        if shown is None:
            open_ids = [view.view["id"] for stack in self.workspace.stacks.values() for view in stack]
            raise AssertionError(f"the view {view_id} is not open; open are: {', '.join(open_ids) or 'none'}")
        if user is not None and shown.user != user:
            raise AssertionError(f"the view {view_id} is open for {shown.user}, not for {user}")
        return shown

    def _follow(self, shown: OpenView, answer: Answer) -> None:
        """What the app's answer to a submission does to the screen."""
        with self.workspace.change():
            stack = self.workspace.stacks.get(shown.user, [])
            if shown not in stack:
                return
            if not answer.acknowledged:
                why = answer.error or f"it answered {answer.status}"
                shown.trouble = f"{self.workspace.bot_name} could not be reached: {why}. Try again."
                return
            if not answer.body.strip():
                del stack[stack.index(shown) :]
                return
            try:
                self._respond(shown, stack, json.loads(answer.body))
            except (ValueError, SlackError) as error:
                what = "; ".join(getattr(error, "messages", [])) or str(error)
                shown.trouble = f"{self.workspace.bot_name} gave an answer that Slack cannot show: {what}"

    def _respond(self, shown: OpenView, stack: list[OpenView], reply: Any) -> None:
        action = reply.get("response_action") if isinstance(reply, dict) else None
        if action == "clear":
            stack.clear()
        elif action == "errors":
            shown.errors = _input_errors(shown, reply.get("errors"))
        elif action in ("update", "push"):
            view: Json = reply.get("view")
            check_view(view)
            if action == "push":
                push_on(self.workspace, shown.user, view)
            else:
                replace(self.workspace, shown, view)
        else:
            raise ValueError(f"unknown response_action {action!r}")


def _input_errors(shown: OpenView, errors: Any) -> dict[str, str]:
    """Errors must name input blocks of the view."""
    inputs = {block["block_id"] for block in shown.view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise ValueError("response_action errors needs an object `errors`")
    unknown = sorted(set(errors) - inputs)
    if unknown:
        raise ValueError(f"errors name blocks that are no inputs of the view: {', '.join(unknown)}")
    return {str(block): str(what) for block, what in errors.items()}
