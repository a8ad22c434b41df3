"""Reads the command line and calls the command. Commands import what they need, so that `--help` is quick."""

import argparse
import sys
from collections.abc import Callable, Sequence

from bot.cli.exits import FAILED, USAGE
from bot.config.problems import ConfigurationError

Command = Callable[[argparse.Namespace], int]


def _run(arguments: argparse.Namespace) -> int:
    from bot.cli.serving import run

    return run()


def _web(arguments: argparse.Namespace) -> int:
    from bot.cli.serving import web

    return web()


def _worker(arguments: argparse.Namespace) -> int:
    from bot.cli.serving import worker

    return worker()


def _migrate(arguments: argparse.Namespace) -> int:
    from bot.cli.upkeep import migrate

    return migrate()


def _manifest(arguments: argparse.Namespace) -> int:
    from bot.cli.upkeep import manifest

    return manifest(arguments.url)


def _check(arguments: argparse.Namespace) -> int:
    from bot.cli.upkeep import check

    return check(as_json=arguments.json)


def _status(arguments: argparse.Namespace) -> int:
    from bot.cli.reading import status

    return status(as_json=arguments.json)


def _postmortem(arguments: argparse.Namespace) -> int:
    from bot.cli.reading import postmortem

    return postmortem(arguments.incident)


def _audit(arguments: argparse.Namespace) -> int:
    from bot.cli import audit

    if arguments.what == "export":
        return audit.export()
    return audit.verify(expect_last=arguments.expect_last, as_json=arguments.json)


def _act(arguments: argparse.Namespace) -> int:
    from bot.cli.acting import act

    return act(
        arguments.command,
        accounts=arguments.account,
        reason=arguments.reason,
        suspend_only=getattr(arguments, "suspend_only", False),
        confirmed=arguments.yes,
        as_json=arguments.json,
    )


def _resume(arguments: argparse.Namespace) -> int:
    from bot.cli.resuming import resume

    return resume(
        accounts=arguments.account,
        reason=arguments.reason,
        asked_as=arguments.asked_as,
        as_json=arguments.json,
    )


def _demo(arguments: argparse.Namespace) -> int:
    from bot.simulator.demo import run_demo

    return run_demo(port=arguments.port, open_browser=arguments.open)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="haltdesk",
        description="Incident response for an algorithmic trading desk, in Slack.",
        epilog="Exit codes: 0 done and proved, 1 failed, 2 usage, 3 unknown or partly done.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, function: Command, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(function=function)
        return one

    add("run", _run, "Serve Slack, Alertmanager and programs, and do the work, in one process.")
    add("web", _web, "Serve Slack, Alertmanager and programs; with `worker`, on PostgreSQL.")
    add("worker", _worker, "Deliver messages, keep deadlines, watch accounts; beside `web`, on PostgreSQL.")
    demo = add("demo", _demo, "Walk an incident in the browser, with a stand-in Slack and broker.")
    demo.add_argument("--port", type=int, default=None, help="the port of the page; a free one when absent")
    demo.add_argument("--open", action="store_true", help="open the page in the browser")
    add("migrate", _migrate, "Bring the database's schema to this version.")
    check = add("check", _check, "Validate the configuration and reach everything it names.")
    check.add_argument("--json", action="store_true", help="for machines")
    manifest = add("manifest", _manifest, "Print the manifest of the Slack app.")
    manifest.add_argument("--url", help="where Slack reaches Haltdesk; without it, a Socket Mode app")
    status = add("status", _status, "Show accounts, open incidents and what is under way.")
    status.add_argument("--json", action="store_true", help="for machines")
    postmortem = add("postmortem", _postmortem, "Print the postmortem draft of an incident.")
    postmortem.add_argument("incident", metavar="INC-n")
    audit = add("audit", _audit, "Check the audit's chain of hashes, or print every entry.")
    audit.add_argument("what", choices=("verify", "export"), help="verify, or export as JSON Lines")
    audit.add_argument(
        "--expect-last", metavar="HASH", help="a hash that verify printed earlier: it must still be there"
    )
    audit.add_argument("--json", action="store_true", help="for machines")
    for name, text in (
        ("halt", "Halt trading: suspend, cancel every order, prove it at the broker."),
        ("cancel", "Cancel every open order, and prove that they are gone."),
        ("reconcile", "Compare the desk's ledger with the broker's positions."),
        ("health", "Check broker, database, Slack, Prometheus, Alertmanager and this host."),
    ):
        one = add(name, _act, text)
        one.add_argument(
            "--account", action="append", help="the account; every one when absent; may be repeated"
        )
        one.add_argument("--reason", default="", help="for the record")
        one.add_argument("--yes", action="store_true", help="do not ask")
        one.add_argument("--json", action="store_true", help="for machines")
        if name == "halt":
            one.add_argument(
                "--suspend-only", action="store_true", help="leave resting orders where they are"
            )
    resume = add("resume", _resume, "Ask to resume by one stage; another person approves it in Slack.")
    resume.add_argument(
        "--account", action="append", help="the account; every one when absent; may be repeated"
    )
    resume.add_argument("--reason", default="", help="what was wrong and why it is safe to go on")
    resume.add_argument(
        "--as",
        dest="asked_as",
        metavar="SLACK_USER_ID",
        help="who you are in Slack (else HALTDESK_USER): you cannot approve it then",
    )
    resume.add_argument("--json", action="store_true", help="for machines")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.function(arguments))
    except ConfigurationError as wrong:
        print(wrong, file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return FAILED
