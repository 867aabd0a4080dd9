"""The command: exit codes, what goes where, and that no password is ever shown."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest

from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.tables.capabilities import CLIENT_SSL
from live_client import cli
from live_client.actions import row_of, value_of
from live_client.arguments import parse
from live_client.passwords import WARNING, PasswordError, find_passwords
from live_client.terminal import hex_lines, masked, plain, shortened, table
from tests.live_client.columns import COLUMN
from tests.live_client.scripted import OFFERED, Ending, ScriptedTransport, end_of_rows, greeting, packet, switch
from tests.live_client.tls_server import TlsServer, server_context
from tests.wire.mysql import err, more, ok

SECRET = "correct-horse"


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Script:
    return Script(monkeypatch)


class Script:
    """Puts a script where the socket would be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.transport = ScriptedTransport()
        monkeypatch.setattr("live_client.session.open_socket", lambda options, step: self.transport)
        monkeypatch.setenv("HANDSHARK_PASSWORD", SECRET)

    def play(self, *script: bytes, ending: Ending = "close") -> None:
        self.transport = ScriptedTransport(*script, ending=ending)


def test_results_on_stdout_steps_on_stderr(scripted: Script, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.play(greeting(), ok(2), packet(b"\x01", 1), packet(COLUMN, 2), packet(b"\x0242", 3), end_of_rows(4), ok(1))
    assert cli.main(["--user", "app", "-e", "SELECT 42", "--ping"]) == 0
    out, errors = capsys.readouterr()
    assert out == "1\n--\n42\n"
    assert "log in as 'app'" in errors
    assert "1 rows" in errors
    assert [payload[:1] for _, payload in scripted.transport.packets()[1:]] == [b"\x03", b"\x0e", b"\x01"]


def test_quiet_and_drop(scripted: Script, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.play(greeting(), ok(2))
    assert cli.main(["--user", "app", "--quiet", "--drop"]) == 0
    assert capsys.readouterr() == ("", "")
    assert len(scripted.transport.packets()) == 1


def test_refused_is_exit_code_1(scripted: Script, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.play(greeting(), err(2, state="28000"))
    assert cli.main(["--user", "app"]) == 1
    assert "handshark-client: 1045 (28000): Access denied" in capsys.readouterr().err


def test_failed_statement_is_exit_code_1_and_says_goodbye(scripted: Script) -> None:
    scripted.play(greeting(), ok(2), err(1, 1064, "syntax", "42000"))
    assert cli.main(["--user", "app", "-e", "SELEC", "--ping"]) == 1
    assert scripted.transport.packets()[-1] == (0, b"\x01")


@pytest.mark.parametrize("script", [[b"HTTP/1.1 400 Bad Request"], [b"\x05\x00\x00\x00\x0b\x08\x05\x1a\x00"], []])
def test_no_mysql_is_exit_code_1(scripted: Script, script: list[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    scripted.play(*script)
    assert cli.main(["--user", "app"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("handshark-client: ")


@pytest.mark.parametrize(
    "words",
    [
        ["--port", "0"],
        ["--timeout", "-1"],
        ["--attribute", "novalue"],
        ["--capability", "FOUND_ROWS"],
        ["--capability", "+NO_SUCH"],
        ["--tls-version", "SSLv3"],
        ["--fault", "nonsense"],
        ["--ssl-cert", "only.pem"],
        ["--tls-resume", "--ssl-mode", "disabled"],
        ["--no-attributes", "--attribute", "a=b"],
        ["--compression", "lz4"],
        ["--quit", "--drop"],
        ["--row", "1"],
        ["-e", "SELECT 1", "--row", "1"],
        ["--prepare", "SELECT ?", "--row", "int:five"],
        ["--prepare", "SELECT ?", "--row", "date:yesterday"],
        ["--prepare", "SELECT ?", "--row", 'a,"b'],
        ["--query-attribute", "a=decimal:x"],
        ["--kill", "me"],
        ["--refresh", "everything"],
        ["--multi-statements", "maybe"],
        ["--binlog", "binlog.000001:end"],
        ["--command", "xyz"],
        ["--command", ""],
        ["--fetch", "-1"],
    ],
)
def test_wrong_usage_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("refused", [False, True])
def test_tls_resume(refused: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Two logins, the second in the first one's TLS session, also where the first is refused."""
    context = server_context()
    verdict = err(3, state="28000") if refused else ok(3)
    servers = [TlsServer([greeting(offered=OFFERED | CLIENT_SSL)], [verdict], context=context) for _ in range(2)]
    opened = iter(servers)
    monkeypatch.setattr("live_client.session.open_socket", lambda options, step: next(opened))
    monkeypatch.setenv("HANDSHARK_PASSWORD", SECRET)
    assert cli.main(["--user", "app", "--ssl-mode", "required", "--tls-resume"]) == int(refused)
    steps = capsys.readouterr().err
    assert steps.count("TLS is on") == 2
    assert steps.count("session resumed") == 1
    assert ("the first login fails: 1045" in steps) == refused
    assert [len(each.packets_inside()) for each in servers] == ([1, 1] if refused else [2, 2])


def test_tls_resume_without_tls(scripted: Script, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.play(greeting(), err(2, state="28000"))
    assert cli.main(["--user", "app", "--tls-resume"]) == 1
    assert "left no TLS session that could be taken up" in capsys.readouterr().err


def test_files_that_can_not_be_read(capsys: pytest.CaptureFixture[str], scripted: Script) -> None:
    assert cli.main(["--password-file", "/no/such/file"]) == 2
    assert cli.main(["--server-public-key", "/no/such/file"]) == 2
    scripted.play(greeting(), ok(2))
    assert cli.main(["--record", "/no/such/folder/x.pcapng"]) == 2
    assert "/no/such" in capsys.readouterr().err


def test_fault_list(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--fault", "list"])
    assert caught.value.code == 0
    assert "silence-after-greeting" in capsys.readouterr().out


def test_a_fault_that_strikes_is_exit_code_0(scripted: Script, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.play(greeting())
    assert cli.main(["--user", "app", "--fault", "close-after-greeting"]) == 0
    assert "the fault has struck" in capsys.readouterr().err
    scripted.play(greeting(), ok(2))
    assert cli.main(["--user", "app", "--fault", "drop-after-switch"]) == 1
    assert "never came to its turn" in capsys.readouterr().err


def test_a_fault_of_a_command_brings_its_own(scripted: Script) -> None:
    scripted.play(greeting(), ok(2))
    assert cli.main(["--user", "app", "--fault", "drop-after-command"]) == 0
    assert scripted.transport.packets()[-1] == (0, b"\x0e")


def test_capability_may_be_two_words() -> None:
    assert parse(["--capability", "-SESSION_TRACK", "--capability", "+FOUND_ROWS"]).capability == [
        ("SESSION_TRACK", False),
        ("FOUND_ROWS", True),
    ]


def test_truth_is_written_whatever_happens(scripted: Script, tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    scripted.play(greeting(), err(2, state="28000"))
    assert cli.main(["--user", "app", "--truth", str(path)]) == 1
    truth = json.loads(path.read_text())
    assert (truth["outcome"], truth["error"]["code"], truth["user"]) == ("rejected", 1045, "app")


def test_show_attributes(scripted: Script, capsys: pytest.CaptureFixture[str]) -> None:
    head = packet(b"\x02", 1), packet(COLUMN, 2), packet(COLUMN, 3)
    stored = *head, packet(b"\x04name\x05value", 4), end_of_rows(5)
    limit = *head, packet(b"\x011\x03512", 4), end_of_rows(5)
    scripted.play(greeting(), ok(2), *stored, *limit)
    assert cli.main(["--user", "app", "--attribute", "name=value", "--show-attributes"]) == 0
    out = capsys.readouterr().out
    assert "name             value" in out
    assert "the server has cut the attributes" in out
    assert "it keeps 512 bytes" in out


# -- passwords ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        [greeting(), switch(2, "mysql_clear_password", b""), ok(4)],
        [greeting("caching_sha2_password"), more(2, b"\x04"), ok(4)],
        [greeting(), switch(2, "dialog", b"\x04Password: "), ok(4)],
        [greeting("mysql_clear_password"), ok(2)],
    ],
)
@pytest.mark.parametrize(
    "more_words", [[], ["--fault", "truncated-response"], ["--default-auth", "mysql_clear_password"]]
)
def test_a_password_is_never_shown(
    scripted: Script, script: list[bytes], more_words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    scripted.play(*script)
    cli.main(["--user", "app", "-vv", "--enable-cleartext-plugin", *more_words])
    assert any(SECRET[:6].encode() in payload for _, payload in scripted.transport.packets()) or more_words
    shown = "".join(capsys.readouterr())
    assert SECRET not in shown
    assert SECRET[:6] not in shown
    assert SECRET.encode().hex(" ") not in shown
    assert SECRET[:6].encode().hex(" ") not in shown


def test_sources_of_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    path = tmp_path / "pw"
    path.write_bytes(b"from file\r\nsecond line")
    for name in ("", "2", "3"):
        monkeypatch.delenv(f"HANDSHARK_PASSWORD{name}", raising=False)
    assert find_passwords([path, path], ["given"], False, warned.append) == (b"from file", b"from file")
    assert not warned
    assert find_passwords([], ["given"], False, warned.append) == (b"given",)
    assert warned == [WARNING]
    assert find_passwords([], [], False, warned.append) == (b"",)
    monkeypatch.setenv("HANDSHARK_PASSWORD", "one")
    monkeypatch.setenv("HANDSHARK_PASSWORD2", "two")
    assert find_passwords([], [], False, warned.append) == (b"one", b"two")
    monkeypatch.setattr("getpass.getpass", lambda prompt: "typed")
    assert find_passwords([], [], True, warned.append) == (b"typed",)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"piped\n")))
    assert find_passwords([Path("-")], [], False, warned.append) == (b"piped",)
    with pytest.raises(PasswordError, match="No such file"):
        find_passwords([tmp_path / "missing"], [], False, warned.append)


def test_options_do_not_show_passwords() -> None:
    from live_client import Options

    assert SECRET not in repr(Options(user="app", passwords=(SECRET.encode(),)))


# -- text -----------------------------------------------------------------------------------------------------------


def test_nothing_reaches_the_terminal_raw() -> None:
    assert plain("a\x1b[31m\nü\udc80") == "a\\x1b[31m\\nü\\udc80"
    assert table(("n\x1b",), [("\x07",), (None,)]) == "n\\x1b\n-----\n\\x07\nNULL\n"


def test_masks_and_hex() -> None:
    assert masked(b"xxsecretyy", [b"secret"]) == b"xx******yy"
    assert masked(b"xxsecr", [b"secret"]) == b"xx****"
    assert masked(b"xxsec", [b"secret"]) == b"xxsec"
    assert masked(b"abc", [b"b"]) == b"a*c"
    assert hex_lines(b"AB\x00" * 6)[1] == f"0010  {'42 00':<47}  B."
    assert shortened("x" * 100) == "x" * 64 + " ... (100 characters)"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None), ("text:null", "null"), ("", ""), ("10:30", "10:30"), ("int:5", 5), ("int:-5", -5),
        ("int:18446744073709551615", 2**64 - 1), ("float:1.5", 1.5), ("decimal:1.50", "1.50"),
        ("hex:00ff", b"\x00\xff"), ("date:2024-02-29", "2024-02-29"),
        ("datetime:2024-02-29 01:02:03.5", "2024-02-29 01:02:03.500000"),
        ("time:-838:59:59", "-838:59:59"),
    ],
)  # fmt: skip
def test_values_of_the_command_line(text: str, value: object) -> None:
    found = value_of(text)
    assert (found.value if isinstance(found, Parameter) else found) == value


def test_rows_of_the_command_line() -> None:
    assert row_of('a,"b, c",null') == ["a", "b, c", None]
    arguments = parse(["--prepare", "do ?", "--row", "1", "--row", "2", "--ping", "--bulk", "do ?", "--row", "3"])
    assert arguments.rows == {0: [["1"], ["2"]], 2: [["3"]]}
    assert [what for what, _ in arguments.deeds] == ["prepare", "ping", "bulk"]


def test_what_is_read_is_never_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret, link, new = tmp_path / "secret", tmp_path / "link", tmp_path / "new"
    secret.write_text(SECRET, encoding="utf-8")
    link.hardlink_to(secret)
    for words in (["--record", link], ["--truth", secret], ["--keylog", secret]):
        assert cli.main(["--user", "app", "--password-file", str(secret), *map(str, words)]) == 2
        assert "would be overwritten" in capsys.readouterr().err
        assert secret.read_text(encoding="utf-8") == SECRET
    assert cli.main(["--user", "app", "--record", str(new), "--truth", str(new)]) == 2
    assert "would be written twice" in capsys.readouterr().err
    assert not new.exists()


def test_a_full_disk_is_told_of_by_its_name(scripted: Script, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.play(greeting(), ok(2))
    assert cli.main(["--user", "app", "-q", "--record", "/dev/full"]) == 2
    assert "/dev/full: No space left on device" in capsys.readouterr().err


def test_a_recording_is_for_its_owner_alone(scripted: Script, tmp_path: Path) -> None:
    scripted.play(greeting(), ok(2))
    record, truth = tmp_path / "session.pcapng", tmp_path / "truth.json"
    assert cli.main(["--user", "app", "-q", "--record", str(record), "--truth", str(truth)]) == 0
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert json.loads(truth.read_bytes())["outcome"] == "accepted"
