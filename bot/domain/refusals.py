"""Slack's error codes told apart: what Haltdesk does about each, and what people can do.

Source: the error tables of chat.postMessage, chat.update and conversations.* in Slack's method reference.
"""

from enum import Enum


class Remedy(Enum):
    """What a refusal asks for. The value is what people read to do about it."""

    # Slack's own trouble, as good as a 500: the message may be there or not.
    TRY_AGAIN = "Slack is in trouble; see status.slack.com. Haltdesk tries again by itself."
    # The message that was to be edited is not there any more.
    POST_ANEW = "The message was deleted in Slack; Haltdesk posts it anew."
    # The thread that was to be replied in is not there any more: its root goes first.
    POST_THREAD_ANEW = "The thread was deleted in Slack; Haltdesk posts it anew."
    # The channel takes nothing from the app.
    MOVE = "Unarchive the channel, invite the app to it, or name another one; `haltdesk check` says which is wrong."
    # Slack does not take this form; plainer words it will.
    SHORTEN = "Slack does not take the message in this form; look at the desk's own templates."
    # The token or the workspace does not let the app in: no message at all can go out before somebody mends it.
    LET_IN = "Reinstall the Slack app or mend SLACK_BOT_TOKEN; `haltdesk check` says what is missing."
    # One call is not allowed, or not to this token: others are.
    ALLOW = "Give the app the scopes of `haltdesk manifest` and reinstall it; `haltdesk check` says what is missing."
    # Nothing that Haltdesk knows of.
    GIVE_UP = "Look the code up in Slack's reference of chat.postMessage; `haltdesk check` may say more."


_CODES: dict[Remedy, tuple[str, ...]] = {
    Remedy.TRY_AGAIN: (
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "update_failed",
        "external_channel_migrating",
    ),
    Remedy.POST_ANEW: ("message_not_found", "cant_update_message", "edit_window_closed"),
    Remedy.POST_THREAD_ANEW: ("thread_not_found", "cannot_reply_to_message"),
    Remedy.MOVE: (
        "is_archived",
        "is_inactive",
        "channel_not_found",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        # Slack's advice for it: have the app a member of the conversation.
        "no_permission",
    ),
    Remedy.SHORTEN: (
        "invalid_blocks",
        "invalid_blocks_format",
        "block_mismatch",
        "msg_blocks_too_long",
        "msg_too_long",
    ),
    Remedy.LET_IN: (
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "accesslimited",
        "org_login_required",
        "ekm_access_denied",
        "team_access_not_granted",
        "two_factor_setup_required",
    ),
    Remedy.ALLOW: ("missing_scope", "not_allowed_token_type", "access_denied", "enterprise_is_restricted"),
}
_REMEDIES = {code: remedy for remedy, codes in _CODES.items() for code in codes}

_CHANNEL_WORDS = {
    "is_archived": "is archived",
    "is_inactive": "is archived",
    "channel_not_found": "cannot be found by the app",
    "not_in_channel": "does not have the app as a member",
}


def remedy(code: str) -> Remedy:
    """What to do about Slack's error `code`; `GIVE_UP` for one that is not known here."""
    return _REMEDIES.get(code, Remedy.GIVE_UP)


def about_channel(code: str) -> str:
    """What is the matter with a channel, to follow its name."""
    return _CHANNEL_WORDS.get(code, f"takes no messages from the app ({code})")
