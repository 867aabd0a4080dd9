"""What is true of a connection: what the driver was told to do, what it reports, and what the server saw."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from tests.drivers.cases import COMPRESSED, ERRORS, IDENTIFY, Told
from tests.drivers.deeds import NO_STATEMENT
from tests.drivers.known import ENDINGS, EVERY, OWN_STATEMENTS, Ending

# Words of the general log that are not a command's name with underscores.
LOGGED: Final = {
    "prepare": "stmt_prepare",
    "execute": "stmt_execute",
    "close_stmt": "stmt_close",
    "reset_stmt": "stmt_reset",
    "long_data": "stmt_send_long_data",
    "fetch": "stmt_fetch",
}
# Commands that the servers do not log: the driver was told to send them.
UNLOGGED: Final = {"ping": "ping", "reset": "reset_connection"}
NOT_TRUSTED: Final = "TLS, not trusted"
IDLE: Final = "idle"
# What MySQL says before it ends a session that was idle.
TIMED_OUT: Final = 4031
# Old releases log no transport.
LOGIN: Final = re.compile(r"(?P<user>[^@]*)@\S+(?: as anonymous)? on ?(?P<database>\S*)(?: using (?P<transport>.+))?")


def ending(told: Told) -> Ending | None:
    """The row about a login that ends otherwise, by the driver's own doing."""
    for row in ENDINGS:
        fits = row.driver == told.driver.name and row.flavor == told.case["flavor"]
        fits = fits and (row.old or not told.case["old"])
        if fits and (told.case["name"] in row.cases or EVERY in row.cases):
            return row
    return None


def went_wrong(told: Told) -> list[str]:
    """Where the driver did not do what it was told."""
    row = ending(told)
    expected = row.code if row else ERRORS.get(told.case["name"])
    problems = [f"the driver: {problem}" for problem in told.result["problems"]]
    if told.case["name"] == NOT_TRUSTED:
        # Each has a number of its own, or none, for what its TLS library says.
        return problems + ([] if told.result.get("message") else ["the driver: it trusts what nobody has signed"])
    if told.result["error"] != expected:
        said = told.result.get("message", "")
        problems.append(f"the driver: error {told.result['error']} in place of {expected}: {said}")
    return problems


def commands(told: Told, log: Sequence[tuple[str, str]]) -> dict[str, int]:
    """How often each command was sent: as the server logged it, and what it does not log as the driver was told."""
    found: Counter[str] = Counter()
    for command, _ in log:
        name = command.lower().replace(" ", "_")
        if name != "connect":
            found[LOGGED.get(name, name)] += 1
    logged = {text for command, text in log if command == "Query"}
    for kind, *words in told.case["steps"]:
        if kind == "multi" and words[0] not in logged and found["query"]:
            # One command, of which each statement is logged.
            found["query"] -= len(words[1]) - 1
    if "connection_id" in told.result:
        steps = [step[0] for step in told.case["steps"]]
        if told.driver.runner != "cli":
            found.update(UNLOGGED[step] for step in steps if step in UNLOGGED)
        found.update(told.result.get("unlogged", {}))
        if not told.case["logs_broken"]:
            broken = sum(step[0] == "fails" and step[2] in NO_STATEMENT for step in told.case["steps"])
            found["query"] += broken + OWN_STATEMENTS.get(told.driver.name, 0)
            found["stmt_prepare"] -= int(told.result["status"].get("Com_stmt_reprepare", 0))
    return {name: count for name, count in found.items() if count}


def truth(told: Told, log: Sequence[tuple[str, str]], plugin: str) -> dict[str, Any]:
    """In the keys of the contract, for `analyzer.analysis.connection.truth.compare`."""
    case, result = told.case, told.result
    if case["name"] == NOT_TRUSTED:
        return {"greeting": {"flavor": case["flavor"]}, "login": None, "phase_reached": "tls", "commands": {}}
    row = ending(told)
    code = row.server_code if row else ERRORS.get(case["name"])
    said: dict[str, Any] = {
        "user": case["user"],
        "database": None if told.driver.late_database else case["database"],
        "outcome": row.outcome if row else "rejected" if code else "accepted",
        "compression": COMPRESSED.get(case["name"], "none"),
        "commands": commands(told, log),
        "greeting": {"flavor": case["flavor"]},
        "tls": {"decrypted": True} if case["tls"] else None,
    }
    if said["outcome"] != "aborted" and (code or not told.driver.just_leaves):
        # What a server says to a client that has left is its own matter.
        said["error"] = {"code": code} if code else None
    if case["name"] == IDLE:
        del said["commands"]
        said["error"] = {"code": TIMED_OUT} if case["flavor"] == "mysql" else None
    if "connection_id" not in result:
        return said
    said["connection_id"] = result["connection_id"]
    said["greeting"]["server_version"] = result["version"]
    if case["identify"] == list(IDENTIFY):
        said["login"] = {"attributes": result["attributes"] or None}
    for family in ("_connector", "_client"):
        # A library that stands on another one names both.
        if f"{family}_name" in result["attributes"]:
            said["driver"] = {key: result["attributes"].get(f"{family}_{key}") for key in ("name", "version")}
            break
    said["authentication"] = {"plugin": plugin}
    if case["tls"]:
        said["tls"]["version"] = result["status"]["Ssl_version"]
        if result["status"]["Ssl_version"] == "TLSv1.3":
            # Only here OpenSSL's names are the registered ones.
            said["tls"]["cipher_suite"] = result["status"]["Ssl_cipher"]
    return said


def server_disagrees(told: Told, log: Sequence[tuple[str, str]]) -> list[str]:
    """Where the server saw another login than the driver was told to make: then nothing is proved."""
    match = next((found for command, text in log if command == "Connect" and (found := LOGIN.match(text))), None)
    if match is None:
        # A login that never came to the account is not logged so.
        return [] if "connection_id" not in told.result else ["the server logged no login"]
    case = told.case
    expected = (case["user"], "" if told.driver.late_database else case["database"], case["tls"])
    seen = (match["user"], match["database"], (match["transport"] or "").startswith("SSL"))
    problems = [] if seen == expected else [f"the server saw {seen}, the driver was told {expected}"]
    attributes = told.result.get("attributes", {})
    stored = told.case["identify"] == list(IDENTIFY)
    if told.driver.told_attributes and stored and "connection_id" in told.result:
        lacking = {key: value for key, value in case["attributes"].items() if attributes.get(key) != value}
        problems += [f"the server has not stored {lacking}"] if lacking else []
    return problems
