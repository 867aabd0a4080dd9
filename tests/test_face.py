"""The public face: `import analyzer`."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

import analyzer
from analyzer.cli import main
from analyzer.tables import records as tables
from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.frames import FIN
from tests.wire.mysql import err, greeting, login
from tests.wire.script import ACCEPTED, Say, Script, conversation

SAMPLES = REPOSITORY / "samples"
TLS = SAMPLES / "mysql97_cli_tls12.pcapng"  # its keys are inside
REFUSED = SAMPLES / "mysql97_cli_wrong-password.pcap"
PREPARED = SAMPLES / "mysql97_connector_prepared.pcapng"
HEAVY = ("numpy", "msgspec", "cryptography", "sqlglot", "lark", "jinja2", "pandas", "pyarrow", "argparse")


def test_importing_it_imports_nothing_heavy() -> None:
    code = f"import sys, analyzer; dir(analyzer); print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_capture_without_tls_needs_no_cryptography() -> None:
    code = (
        f"import sys, analyzer; list(analyzer.connections({str(REFUSED)!r})); "
        "print([name for name in ('cryptography', 'sqlglot', 'lark', 'jinja2', 'statistics') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"


def test_every_name_is_there() -> None:
    for name in analyzer.__all__:
        assert getattr(analyzer, name) is not None, name
        assert isinstance(getattr(analyzer, name), str) or getattr(analyzer, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        analyzer.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_the_readmes_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pandas")
    blocks = re.findall(
        r"```python\n(.*?)```", (REPOSITORY / "docs" / "library.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(blocks) >= 2
    shutil.copy(REFUSED, tmp_path / "capture.pcapng")
    (tmp_path / "keys.txt").write_text("# none\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, "library.md", "exec"), {})
    assert "rejected ['access-denied'" in capsys.readouterr().out


def test_connections_are_those_of_the_command_line(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    names = [str(TLS), str(REFUSED)]
    assert main(["analyze", "--format", "jsonl", *names]) == 0
    expected = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    found = [one for name in names for one in analyzer.connections(name)]
    assert [json.loads(analyzer.to_json(one)) for one in found] == expected
    assert all(isinstance(one, analyzer.Connection) for one in found)
    assert all(isinstance(finding, analyzer.Finding) for one in found for finding in one.findings)


def test_commands_are_those_of_the_command_line(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["commands", "--format", "jsonl", "-Y", "mysql.query", str(PREPARED)]) == 0
    expected = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    found = list(analyzer.commands(PREPARED, display_filter="mysql.query"))
    assert expected
    assert json.loads(analyzer.to_json(found)) == expected
    slowest = max(one.duration_ns or 0 for one in analyzer.commands(PREPARED))
    assert [one.duration_ns for one in analyzer.commands(PREPARED, slow_ns=slowest)] == [slowest]


def test_packets_have_the_fields_of_wireshark() -> None:
    statements = [one.fields["mysql.query"] for one in analyzer.packets(TLS, display_filter="mysql.query")]
    assert ["SELECT 1"] in statements
    chosen = list(
        analyzer.packets(REFUSED, display_filter="mysql.error_code", fields=["mysql.error_code", "frame.number"])
    )
    assert [(one.record, one.sender, one.fields["mysql.error_code"]) for one in chosen] == [
        ("ErrPacket", "server", [1045])
    ]
    assert chosen[0].fields["frame.number"] == [chosen[0].frame]
    assert all(isinstance(one, analyzer.Packet) for one in chosen)
    with pytest.raises(ValueError, match=r"is it mysql\.query"):
        analyzer.packets(REFUSED, fields=["mysql.qery"])


def test_secrets_are_masked_unless_asked_for() -> None:
    def passwords(show: bool) -> list[object]:
        name = SAMPLES / "mariadb118_raw_pam-dialog.pcapng"
        return [one.fields for one in analyzer.packets(name, show_secrets=show) if one.record == "AuthResponse"]

    assert passwords(False) != passwords(True)
    assert "masked" in str(passwords(False))


def test_a_handle_answers_several_questions() -> None:
    told: list[tuple[int, int | None, int]] = []
    with analyzer.open(TLS, progress=lambda *step: told.append(step)) as handle:
        assert (handle.totals, handle.notes, handle.warnings) == (None, [], [])
        (connection,) = handle.connections()
        assert connection.tls is not None
        assert connection.tls.decrypted
        assert handle.totals is not None
        assert handle.totals.frames == connection.last_frame
        assert [one.command for one in handle.commands()][-1] == "quit"
        assert len(list(handle.packets())) > 10
    size = TLS.stat().st_size
    assert told[-1] == (size, size, handle.totals.frames)
    with pytest.raises(analyzer.CaptureError, match="closed"):
        handle.connections()


def test_file_objects_are_read_from_where_they_stand() -> None:
    file = io.BytesIO(b"before" + REFUSED.read_bytes())
    file.seek(6)
    with analyzer.open(file) as handle:
        assert [one.outcome for one in handle.connections()] == ["rejected"]
        assert [one.outcome for one in handle.connections()] == ["rejected"]
    assert not file.closed
    with REFUSED.open("rb") as opened:
        assert [one.outcome for one in analyzer.connections(opened)] == ["rejected"]


class Once(io.BytesIO):
    """What can not seek, as a pipe or a download."""

    def seekable(self) -> bool:
        return False


def test_what_can_not_seek_answers_once() -> None:
    pipe: BinaryIO = Once(REFUSED.read_bytes())
    with analyzer.open(pipe) as handle:
        assert len(list(handle.connections())) == 1
        with pytest.raises(analyzer.CaptureError, match="only once"):
            handle.commands()


def test_standard_input() -> None:
    code = "import analyzer; print([one.outcome for one in analyzer.connections('-')])"
    done = subprocess.run(
        [sys.executable, "-c", code], input=REFUSED.read_bytes(), capture_output=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.strip() == b"['rejected']"


def test_keywords(tmp_path: Path) -> None:
    keyless = SAMPLES / "mysql97_cli_tls13-full-auth.pcap"
    keys = keyless.with_suffix(".keys")
    several: list[Path | bytes] = [keys, b""]
    for given in (keys, str(keys), keys.read_bytes(), several):
        (one,) = analyzer.connections(keyless, keylog=given)
        assert one.outcome == "accepted"
    (one,) = analyzer.connections(keyless)
    assert one.outcome == "encrypted"
    with pytest.raises(FileNotFoundError):
        analyzer.connections(keyless, keylog=tmp_path / "missing")
    with pytest.raises(ValueError, match="is no port"):
        analyzer.connections(keyless, ports=[70000])
    with pytest.raises(ValueError, match="too little"):
        analyzer.connections(keyless, memory=1)
    assert len(list(analyzer.connections(keyless, memory=64 << 20))) == 1
    with pytest.raises(analyzer.FilterError):
        analyzer.connections(keyless, display_filter="mysql.query ==")
    with pytest.raises(analyzer.AnalyzerError):
        analyzer.open(keyless, rsa_key=b"no key")


def test_several_processes_say_the_same() -> None:
    storm = SAMPLES / "mysql97_cli_tls12.pcapng"
    alone, together = (list(analyzer.connections(storm, jobs=jobs)) for jobs in (1, 2))
    assert msgspec.to_builtins(alone) == msgspec.to_builtins(together)


@pytest.mark.parametrize(
    "content", [b"", b"no capture at all", b"\x0a\x0d\x0d\x0a" + bytes(40), b"\x1f\x8b\x08\x00rest"]
)
def test_bad_captures_raise_capture_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    for source in (path, str(path), io.BytesIO(content)):
        with pytest.raises(analyzer.CaptureError):
            list(analyzer.connections(source))
    for missing in (tmp_path / "missing", tmp_path):
        with pytest.raises(analyzer.CaptureError):
            list(analyzer.packets(missing))


def test_a_capture_that_is_cut_is_read_as_far_as_it_goes() -> None:
    with analyzer.open(io.BytesIO(REFUSED.read_bytes()[:-10])) as handle:
        assert len(list(handle.connections())) == 1
        assert handle.warnings


def shown(connection: analyzer.Connection) -> str:
    """As a notebook asks: by the method's name."""
    name = "_repr_html_"
    text: str = getattr(connection, name)()
    return text


def hostile() -> bytes:
    name = "<script>alert(1)</script>\u202e\x1b[31m"
    script: Script = [
        ("s", greeting()),
        ("c", login(user=name)),
        ("s", err(2, 1045, f"no {name}")),
        Say("s", flags=FIN),
    ]
    return pcap(conversation(script))


def test_a_notebook_shows_a_connection_and_nothing_of_the_wire_as_markup() -> None:
    (one,) = analyzer.connections(io.BytesIO(hostile()))
    text = shown(one)
    assert text.startswith("<table>")
    assert "&lt;script&gt;" in text
    assert "rejected" in text
    assert not re.search("<script|\x1b|\u202e", text)
    (plain,) = analyzer.connections(io.BytesIO(pcap(conversation([*ACCEPTED]))))
    assert "accepted" in shown(plain)


def test_json_of_several_and_of_none() -> None:
    assert analyzer.to_json([]) == "[]\n"
    connections = list(analyzer.connections(io.BytesIO(hostile())))
    assert json.loads(analyzer.to_json(connections))[0]["outcome"] == "rejected"
    packets = list(analyzer.packets(REFUSED))
    assert len(json.loads(analyzer.to_json(packets))) == len(packets)


def test_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = analyzer.to_pandas(analyzer.connections(REFUSED))
    assert frame["client.port"].dtype == "Int64"
    assert frame["error.code"].tolist() == [1045]
    assert frame["tls.version"].isna().all()
    assert [one["code"] for one in frame["findings"][0]][:1] == ["access-denied"]
    commands = analyzer.to_pandas(analyzer.commands(TLS))
    assert commands["command"].tolist()[-1] == "quit"
    queries = analyzer.to_pandas(analyzer.packets(TLS, display_filter="mysql.query"))
    assert "SELECT 1" in queries["mysql.query"].tolist()
    assert isinstance(analyzer.to_pandas([]), pandas.DataFrame)


def test_arrow() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = analyzer.to_arrow(analyzer.commands(PREPARED))
    assert table.schema.field("time_ns").type == pyarrow.int64()
    assert table.column("statement").to_pylist()
    assert analyzer.to_arrow(analyzer.packets(REFUSED)).num_rows > 3
    empty = analyzer.to_arrow([])
    assert empty.num_rows == 0


def test_numbers_without_a_sign_and_text_that_is_no_unicode() -> None:
    (one, *_) = analyzer.commands(PREPARED)
    one = msgspec.structs.replace(one, last_insert_id=2**64 - 1, statement="\udcff")
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    assert analyzer.to_pandas([one])["last_insert_id"].tolist() == [2**64 - 1]
    assert analyzer.to_arrow([one]).column("last_insert_id").to_pylist() == [2**64 - 1]
    assert analyzer.to_arrow([one]).column("statement").to_pylist() == ["\\xff"]


def test_records_of_two_types_make_no_table() -> None:
    pytest.importorskip("pandas")
    (connection,), (command, *_) = analyzer.connections(REFUSED), analyzer.commands(PREPARED)
    with pytest.raises(TypeError, match="rows of one type"):
        analyzer.to_pandas([connection, command])
    with pytest.raises(TypeError, match="not int"):
        tables.to_pandas([1])  # type: ignore[list-item]


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_a_library_that_is_missing_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    make = analyzer.to_pandas if library == "pandas" else analyzer.to_arrow
    with pytest.raises(analyzer.LibraryMissing, match=r"pip install (pandas|'handshark\[sql\]')"):
        make([])
    assert issubclass(analyzer.LibraryMissing, ImportError)


def test_polars_gets_the_table_of_arrow() -> None:
    polars = pytest.importorskip("polars")
    found = list(analyzer.connections(REFUSED))
    frame = analyzer.to_polars(found)
    assert isinstance(frame, polars.DataFrame)
    assert frame.to_dicts() == analyzer.to_arrow(found).to_pylist()
    assert frame["client.port"].to_list() == [one.client.port for one in found]
    assert analyzer.to_polars([]).is_empty()


def test_both_packages_say_that_they_are_typed() -> None:
    assert (REPOSITORY / "analyzer" / "py.typed").is_file()
    assert (REPOSITORY / "live_client" / "py.typed").is_file()
