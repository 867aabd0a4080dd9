"""packet-too-large: a packet larger than max_allowed_packet."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.conversation.session_facts import SentCommand
from analyzer.analysis.findings.conditions import has_failed_command
from analyzer.analysis.findings.driver_options import PACKET_SIZE, option
from analyzer.analysis.findings.helpers import by_server, ended
from analyzer.analysis.findings.rule import ERROR, LIKELY, Case, Rule, Verdict
from analyzer.analysis.findings.statements import shape_of
from analyzer.protocol.machine.machine import CLIENT

TOO_LARGE = 1153
# max_allowed_packet of MySQL 5.7 and 8 and of MariaDB; packets below the least of them are refused by nobody who has
# not set it.
DEFAULTS = (("1 MiB", 1 << 20), ("4 MiB", 4 << 20), ("16 MiB", 16 << 20), ("64 MiB", 64 << 20))
LEAST = 1 << 20


def was_cut(case: Case) -> bool:
    """A client's large packet was under way when the connection ended."""
    cut = case.facts.answers.cut
    if cut is None or cut.role != CLIENT or cut.announced < LEAST or case.connection.phase_reached != "command":
        return False
    return case.facts.closing.end is not None


def check(case: Case) -> Iterator[Verdict]:
    answers = case.facts.answers
    refused = next((each for each in answers.errors if each.error.error_code == TOO_LARGE), None)
    if refused is not None:
        size = _size(case, refused.command)
        shape = shape_of(refused.command) if refused.command is not None else "a command"
        filling = _filling(case, size, shape)
        text = case.said(refused.error)
        frames = [refused.command.frame if refused.command is not None else 0, refused.frame]
        yield RULE.says(
            frames, filling, evidence=[f"frame {refused.frame}: ERR {TOO_LARGE}, {text!r}", _announced(size)]
        )
    elif was_cut(case) and by_server(case) and answers.cut is not None and not case.facts.faults.gaps:
        cut = answers.cut
        yield RULE.says(
            [cut.frame, case.connection.last_frame],
            _filling(case, cut.announced, "the command") | {"have": f"{cut.have:,}"},
            variant="cut",
            confidence=LIKELY,
            evidence=[f"frame {cut.frame}: a packet of {cut.announced:,} bytes begins, {cut.have:,} came", ended(case)],
            doubt="the server says no word: a time-out or a crash cuts a packet as well",
        )


def _size(case: Case, command: SentCommand | None) -> int:
    answers = case.facts.answers
    if answers.early is not None:
        return answers.early.announced
    return command.length if command is not None else 0


def _filling(case: Case, size: int, shape: str) -> dict[str, object]:
    over = [name for name, limit in DEFAULTS if size > limit]
    return {
        "size": f"{size:,} bytes" if size else "more bytes than are allowed",
        "shape": shape,
        "over": f" (more than {over[-1]})" if over else "",
        "option": option(case, PACKET_SIZE),
    }


def _announced(size: int) -> str:
    return f"the packet's header announces {size:,} bytes" if size else "the packet's size is not in the capture"


RULE = Rule(
    "packet-too-large",
    ERROR,
    "A packet larger than max_allowed_packet",
    (has_failed_command, was_cut),
    check,
    failures=frozenset({TOO_LARGE}),
    looks_at=(
        "ERR 1153 in answer to a command, or a large packet that the server cut off; the size its header announces"
    ),
    about=(
        "Servers take no packet over max_allowed_packet: they say 1153 as soon as they have read its header, and "
        "close. "
        "The client is mostly still sending then, gets a reset, and says 'MySQL server has gone away' or 'Broken pipe'."
    ),
    message="{shape} is larger than the server's max_allowed_packet: its packet announces {size}{over}.",
    advice=(
        "Raise max_allowed_packet on the server (SET GLOBAL max_allowed_packet = ..., new sessions take it) and in the "
        "client ({option}), or send less at once: smaller batches, COM_STMT_SEND_LONG_DATA for large values."
    ),
    variants=(
        (
            "cut",
            "The server closed the connection in the middle of a packet of {size}{over}, {have} of which had come: "
            "max_allowed_packet is the likely reason.",
            "",
        ),
    ),
    causes=("max_allowed_packet of a proxy in between (ProxySQL, MaxScale) instead of the server's",),
    sources=(
        "MySQL Reference Manual: Packet Too Large",
        "MariaDB Knowledge Base: Server System Variables, max_allowed_packet",
    ),
)
