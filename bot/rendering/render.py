"""The one door to everything that people read: a view in, a finished message, modal, mail or document out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.rendering.approval_models import ApprovalView, OverrideView, ResumeView
from bot.rendering.drift_models import DriftView
from bot.rendering.environment import Templates
from bot.rendering.limits import Block, fit_message, fit_notification, fit_view
from bot.rendering.models import (
    ActionView,
    CalledOffView,
    ConfirmView,
    DeclareView,
    IncidentView,
    LeavePhaseView,
    NoticeView,
    PhaseView,
    PostmortemView,
    ReplyView,
    ResolveView,
)
from bot.rendering.related_models import MergeView
from bot.rendering.text import clean, cut


@dataclass(frozen=True)
class Attachment:
    """A file to stand in a thread. Its name is unique, so that it can be found there again."""

    name: str
    title: str
    content: bytes


@dataclass(frozen=True)
class Rendered:
    """A message within Slack's limits. `text` is the fallback that notifications show; always send both."""

    text: str
    blocks: list[Block]
    file: Attachment | None = None  # then the message is this file, with `text` as its comment


# Puts into words what was read before. Raises `RenderingError`.
Make = Callable[[], Rendered]


class Renderer:
    """Renders every view. Holds nothing but compiled templates, so threads may share one.

    `template_dir`: a desk's own versions of templates (`messages/incident.json.j2`, `postmortem-template.md`,
    ...), which go before the shipped ones. Every method raises `RenderingError` when a template is wrong,
    naming it and the line.
    """

    def __init__(self, template_dir: Path | None = None) -> None:
        self._templates = Templates(template_dir)

    def incident_root(self, view: IncidentView) -> Rendered:
        return self._message("incident", view)

    def phase(self, view: PhaseView) -> Rendered:
        return self._message("phase", view)

    def action(self, view: ActionView) -> Rendered:
        return self._message("action", view)

    def reply(self, view: ReplyView) -> Rendered:
        return self._message("reply", view)

    def drift(self, view: DriftView) -> Rendered:
        return self._message("drift", view)

    def notice(self, view: NoticeView) -> Rendered:
        return self._message("notice", view)

    def called_off(self, view: CalledOffView) -> Rendered:
        return self._message("called_off", view)

    def postmortem_summary(self, view: PostmortemView) -> Rendered:
        """The message that announces the draft, with what it begins with."""
        return self._message("postmortem", view)

    def postmortem(self, view: PostmortemView, draft: str) -> Rendered:
        """The announcement with the draft itself (Markdown, at most 10,000 characters) in place of the excerpts."""
        announced = self.postmortem_summary(view)
        head, foot = announced.blocks[:2], announced.blocks[-1:]
        return Rendered(announced.text, [*head, *_document(draft), *foot])

    def document_part(self, heading: str, body: str) -> Rendered:
        """A further part of a document: `heading` is Haltdesk's own words, `body` Markdown as rendered here."""
        text = {"type": "plain_text", "text": heading, "emoji": False}
        return Rendered(heading, [{"type": "header", "text": text}, *_document(body)])

    def confirm(self, view: ConfirmView) -> dict[str, Any]:
        """A modal (a Slack view) for halt, cancel, health or reconcile; callback_id `<kind>.confirm`."""
        return self._view("confirm", view, view.private_metadata)

    def leave_phase(self, view: LeavePhaseView) -> dict[str, Any]:
        return self._view("leave_phase", view, view.private_metadata)

    def resolve(self, view: ResolveView) -> dict[str, Any]:
        return self._view("resolve", view, view.private_metadata)

    def merge(self, view: MergeView) -> dict[str, Any]:
        return self._view("merge", view, view.private_metadata)

    def declare(self, view: DeclareView) -> dict[str, Any]:
        return self._view("declare", view, view.private_metadata)

    def approval(self, view: ApprovalView) -> Rendered:
        return self._message("approval", view)

    def resume(self, view: ResumeView) -> dict[str, Any]:
        return self._view("resume", view, view.private_metadata)

    def override(self, view: OverrideView) -> dict[str, Any]:
        return self._view("override", view, view.private_metadata)

    def refusal_modal(self, title: str, text: str) -> dict[str, Any]:
        """A modal that says why something was refused, and what to do next. It has no submit button."""
        return self._view("refusal", {"title": title, "text": text}, "")

    def postmortem_markdown(self, view: PostmortemView) -> str:
        """The draft, made from the desk's `docs/runbooks/postmortem-template.md`."""
        return self._templates.markdown("postmortem-template.md", view=view, incident=view.incident)

    def notice_mail(self, view: NoticeView) -> tuple[str, str]:
        """Subject (one line) and body (plain text) of the notice of resolution."""
        subject = self._templates.mail("texts/notice-subject.txt.j2", view=view)
        return cut(clean(subject), 200), self._templates.mail("texts/notice-body.txt.j2", view=view)

    def _message(self, name: str, view: object) -> Rendered:
        made = self._templates.structure(f"messages/{name}.json.j2", view=view)
        return Rendered(fit_notification(made["text"]), fit_message(made["blocks"]))

    def _view(self, name: str, view: object, private_metadata: str) -> dict[str, Any]:
        made = self._templates.structure(f"modals/{name}.json.j2", view=view)
        # Opaque, so it passes by the template: nothing may clean or cut it.
        return fit_view({**made, "private_metadata": private_metadata})


def _document(body: str) -> list[Block]:
    return [{"type": "divider"}, {"type": "markdown", "text": body}] if body.strip() else []
