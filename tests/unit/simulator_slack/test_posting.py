"""The bot writes into channels and threads, and reads them back."""

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.simulator.slack import SlackSimulator
from tests.unit.simulator_slack.slack_desk import INCIDENTS, actions, button, section

METADATA = {"event_type": "incident_root", "event_payload": {"incident": "INC-42"}}


def refusal(call: object, **arguments: object) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)  # type: ignore[operator]
    return str(caught.value.response["error"])


def test_an_incident_thread_reads_as_it_was_written(slack: SlackSimulator, client: WebClient) -> None:
    root = client.chat_postMessage(channel=INCIDENTS, text="SEV-1 INC-42", metadata=METADATA)
    client.chat_postMessage(channel=INCIDENTS, thread_ts=root["ts"], text="Triage 0/5")
    client.chat_postMessage(channel=INCIDENTS, thread_ts=root["ts"], text="Worse", reply_broadcast=True)

    assert [slack.text_of(m) for m in slack.messages(INCIDENTS)] == ["SEV-1 INC-42"]
    assert [slack.text_of(m) for m in slack.thread(INCIDENTS, root["ts"])] == ["Triage 0/5", "Worse"]
    channel = client.conversations_history(channel=INCIDENTS)["messages"]
    assert [m["text"] for m in channel] == ["Worse", "SEV-1 INC-42"], "newest first, broadcasts too"
    assert channel[1]["reply_count"] == 2


def test_ts_are_unique_and_grow_even_when_the_clock_stands_still(client: WebClient) -> None:
    stamps = [client.chat_postMessage(channel=INCIDENTS, text=str(n))["ts"] for n in range(5)]
    assert stamps == sorted(set(stamps), key=float)
    assert all(len(stamp.split(".")[1]) == 6 for stamp in stamps)


def test_metadata_is_given_out_only_when_it_is_asked_for(client: WebClient) -> None:
    posted = client.chat_postMessage(channel=INCIDENTS, text="INC-42", metadata=METADATA)
    assert "metadata" not in client.conversations_history(channel=INCIDENTS)["messages"][0]
    found = client.conversations_history(channel=INCIDENTS, include_all_metadata=True)["messages"][0]
    assert found["metadata"] == METADATA
    client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="INC-42 resolved")
    kept = client.conversations_replies(channel=INCIDENTS, ts=posted["ts"], include_all_metadata=True)
    assert kept["messages"][0]["metadata"] == METADATA, "an update without metadata keeps it"


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"event_payload": {}}, "invalid_metadata_schema"),
        ({"event_type": "x", "event_payload": "text"}, "invalid_metadata_schema"),
        (["x"], "invalid_metadata_format"),
        ({"event_type": "x", "event_payload": {"big": "x" * 20_000}}, "metadata_too_large"),
    ],
)
def test_metadata_of_a_wrong_shape_is_refused(client: WebClient, metadata: object, error: str) -> None:
    assert refusal(client.chat_postMessage, channel=INCIDENTS, text="x", metadata=metadata) == error


def test_an_update_with_text_alone_removes_the_blocks(slack: SlackSimulator, client: WebClient) -> None:
    blocks = [section("Halt?"), actions(button("Halt", "halt.open"))]
    ts = client.chat_postMessage(channel=INCIDENTS, text="Halt?", blocks=blocks)["ts"]
    client.chat_update(channel=INCIDENTS, ts=ts, text="Halted", blocks=[section("Halted")])
    assert slack.buttons(INCIDENTS, ts) == []
    assert "edited" not in slack.message(INCIDENTS, ts), "an update with blocks shows no mark"
    client.chat_update(channel=INCIDENTS, ts=ts, text="Halted")
    changed = slack.message(INCIDENTS, ts)
    assert "blocks" not in changed
    assert changed["edited"]["user"] == "U0HALTDESK"


def test_what_slack_refuses_to_post(slack: SlackSimulator, client: WebClient) -> None:
    post = client.chat_postMessage
    assert refusal(post, channel="C0NOWHERE", text="x") == "channel_not_found"
    nothing = {"channel": INCIDENTS, "text": ""}
    assert refusal(client.api_call, api_method="chat.postMessage", json=nothing) == "no_text"
    assert refusal(post, channel=INCIDENTS, text="x" * 40_001) == "msg_too_long"
    assert refusal(post, channel=INCIDENTS, text="x", thread_ts="1.000001") == "thread_not_found"
    root = post(channel=INCIDENTS, text="root")["ts"]
    reply = post(channel=INCIDENTS, text="reply", thread_ts=root)["ts"]
    assert refusal(post, channel=INCIDENTS, text="x", thread_ts=reply) == "cannot_reply_to_message"
    slack.archive(INCIDENTS)
    assert refusal(post, channel=INCIDENTS, text="x") == "is_archived"
    slack.remove_bot("C0DRILLS")
    assert refusal(post, channel="C0DRILLS", text="x") == "not_in_channel"
    client.conversations_join(channel="C0DRILLS")
    assert post(channel="C0DRILLS", text="back")["ok"]


def test_only_the_bots_own_present_messages_can_be_changed(slack: SlackSimulator, client: WebClient) -> None:
    said = slack.say(INCIDENTS, "Is anyone looking?")
    assert refusal(client.chat_update, channel=INCIDENTS, ts=said["ts"], text="x") == "cant_update_message"
    assert refusal(client.chat_delete, channel=INCIDENTS, ts=said["ts"]) == "cant_delete_message"
    own = client.chat_postMessage(channel=INCIDENTS, text="mine")["ts"]
    slack.remove(INCIDENTS, own)
    assert refusal(client.chat_update, channel=INCIDENTS, ts=own, text="x") == "message_not_found"


def test_deleting_a_root_with_replies_leaves_a_tombstone(slack: SlackSimulator, client: WebClient) -> None:
    root = client.chat_postMessage(channel=INCIDENTS, text="root")["ts"]
    client.chat_postMessage(channel=INCIDENTS, thread_ts=root, text="reply")
    client.chat_delete(channel=INCIDENTS, ts=root)
    assert slack.message(INCIDENTS, root)["subtype"] == "tombstone"
    assert len(slack.thread(INCIDENTS, root)) == 1
    assert refusal(client.chat_update, channel=INCIDENTS, ts=root, text="x") == "message_not_found"


def test_history_comes_in_pages_and_between_bounds(client: WebClient) -> None:
    stamps = [client.chat_postMessage(channel=INCIDENTS, text=str(n))["ts"] for n in range(7)]
    pages = [p["messages"] for p in client.conversations_history(channel=INCIDENTS, limit=3)]
    assert [[m["text"] for m in page] for page in pages] == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    inner = client.conversations_history(channel=INCIDENTS, oldest=stamps[2], latest=stamps[4])
    assert [m["text"] for m in inner["messages"]] == ["3"]
    both = client.conversations_history(channel=INCIDENTS, oldest=stamps[2], latest=stamps[4], inclusive=True)
    assert [m["text"] for m in both["messages"]] == ["4", "3", "2"]
    assert refusal(client.conversations_history, channel=INCIDENTS, cursor="nonsense") == "invalid_cursor"


def test_a_long_thread_comes_in_pages_that_begin_with_the_root(client: WebClient) -> None:
    root = client.chat_postMessage(channel=INCIDENTS, text="root")["ts"]
    for n in range(5):
        client.chat_postMessage(channel=INCIDENTS, thread_ts=root, text=str(n))
    pages = [p["messages"] for p in client.conversations_replies(channel=INCIDENTS, ts=root, limit=2)]
    texts = [[m["text"] for m in page] for page in pages]
    assert texts == [["root", "0", "1"], ["root", "2", "3"], ["root", "4"]]
    assert refusal(client.conversations_replies, channel=INCIDENTS, ts="1.000001") == "thread_not_found"


def test_who_the_bot_is_and_what_it_may(slack: SlackSimulator, client: WebClient) -> None:
    me = client.auth_test()
    assert (me["team_id"], me["user_id"], me["url"]) == ("T0DESK", "U0HALTDESK", slack.page_url)
    assert client.bots_info(bot=me["bot_id"])["bot"]["app_id"] == "A0HALTDESK"
    assert refusal(WebClient(token="xoxb-other", base_url=slack.api_url).auth_test) == "invalid_auth"
    assert refusal(WebClient(base_url=slack.api_url).auth_test) == "not_authed"
    assert refusal(client.api_call, api_method="chat.postMesage") == "unknown_method"
    assert slack.calls[-1].method == "chat.postMesage"


def test_user_groups_need_a_paid_plan(slack: SlackSimulator, client: WebClient) -> None:
    assert refusal(client.usergroups_users_list, usergroup="S0RISK") == "plan_upgrade_required"
    slack.add_usergroup("S0RISK", "risk", ["U0OPERATOR", "U0APPROVER"])
    assert client.usergroups_users_list(usergroup="S0RISK")["users"] == ["U0OPERATOR", "U0APPROVER"]
    assert refusal(client.usergroups_users_list, usergroup="S0OTHER") == "no_such_subteam"


def test_a_report_is_uploaded_into_the_thread(slack: SlackSimulator, client: WebClient) -> None:
    root = client.chat_postMessage(channel=INCIDENTS, text="root")["ts"]
    done = client.files_upload_v2(
        channel=INCIDENTS, thread_ts=root, filename="breaks.csv", title="500 breaks", content="symbol,qty\n"
    )
    assert slack.file_content(done["file"]["id"]) == b"symbol,qty\n"
    assert "500 breaks" in slack.text_of(slack.thread(INCIDENTS, root)[0])


def test_pins_reactions_bookmarks_and_links(slack: SlackSimulator, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=INCIDENTS, text="root")["ts"]
    client.pins_add(channel=INCIDENTS, timestamp=ts)
    assert refusal(client.pins_add, channel=INCIDENTS, timestamp=ts) == "already_pinned"
    client.pins_remove(channel=INCIDENTS, timestamp=ts)
    assert refusal(client.pins_remove, channel=INCIDENTS, timestamp=ts) == "no_pin"
    client.reactions_add(channel=INCIDENTS, timestamp=ts, name="eyes")
    assert slack.message(INCIDENTS, ts)["reactions"] == [
        {"name": "eyes", "users": ["U0HALTDESK"], "count": 1}
    ]
    assert refusal(client.reactions_add, channel=INCIDENTS, timestamp=ts, name="eyes") == "already_reacted"
    client.bookmarks_add(channel_id=INCIDENTS, title="Runbook", type="link", link="https://example.com")
    link = client.chat_getPermalink(channel=INCIDENTS, message_ts=ts)["permalink"]
    assert link == f"{slack.page_url}archives/{INCIDENTS}/p{ts.replace('.', '')}"


def test_only_control_sequences_call_the_channel(slack: SlackSimulator, client: WebClient) -> None:
    client.chat_postMessage(channel=INCIDENTS, text="&lt;!channel&gt; in an alert's text")
    client.chat_postMessage(channel=INCIDENTS, text="plain @channel calls nobody")
    client.chat_postMessage(
        channel=INCIDENTS,
        text="x",
        blocks=[{"type": "header", "text": {"type": "plain_text", "text": "<!here>"}}],
    )
    assert slack.pinged == []
    client.chat_postMessage(
        channel=INCIDENTS, text="x", blocks=[section("SEV-1 <!channel> for <@U0OPERATOR>")]
    )
    assert [slack.text_of(m) for m in slack.pinged] == ["SEV-1 @channel for @operator"]


def test_text_is_given_as_a_person_reads_it(slack: SlackSimulator, client: WebClient) -> None:
    text = (
        "*Halted* by <@U0OPERATOR> <!date^1790000000^{time}|10:05> "
        "see <https://example.com/_a_|_runbook_> &amp; `AAPL` <b>"
    )
    client.chat_postMessage(channel=INCIDENTS, text=text)
    assert slack.find("Halted by @operator 10:05 see runbook & AAPL <b>", INCIDENTS)
    assert slack.find("Halted", "C0GENERAL") == []
