"""tshark's switches: what they show beside what tshark shows, and what is said of those that are not taken."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from analyzer.cli.tshark_switches import REFUSED
from tests.cli.support import run
from tests.corpus import REPOSITORY, tool

NATIVE = REPOSITORY / "samples" / "mysql97_cli_fast-auth.pcap"
TLS = REPOSITORY / "samples" / "mysql97_cli_tls13-full-auth.pcap"
PORT = "tcp.port==33097,mysql"
# What stands in the columns Protocol and Info.
INFO = re.compile(r"MySQL|TLS|(?:Server Greeting|Login Request|Request|Response) [^\n<]+")


def tshark(*words: str) -> str:
    command = [tool("tshark"), "-r", str(NATIVE), "-n", "-d", PORT, *words]
    done = subprocess.run(
        command, capture_output=True, check=True, timeout=60, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"}
    )
    return done.stdout.decode()


@pytest.mark.tool
@pytest.mark.parametrize("form", ["a", "ad", "d", "dd", "e", "r", "u", "ud"])
def test_times_are_those_of_tshark(form: str) -> None:
    words: list[str | Path] = ["-r", NATIVE, "-d", PORT, "-t", form, "-Y", "mysql.query"]
    ours = [line.split()[:3] for line in run("dissect", *words).out.splitlines()]
    theirs = [line.split()[:3] for line in tshark("-t", form, "-Y", "mysql.query").splitlines()]
    assert ours == theirs


@pytest.mark.parametrize("form", ["a", "d", "dd", "e"])
@pytest.mark.parametrize("shape", ["tabs", "psml", "text"])
def test_times_change_nothing_else(shape: str, form: str) -> None:
    said = [INFO.findall(run("dissect", NATIVE, "-T", shape, "-t", each).out) for each in (form, "r")]
    assert said[0] == said[1]
    assert {"MySQL", "TLS"} & {*said[0]} == {"MySQL"}
    assert len(said[0]) > 2 * 8


@pytest.mark.tool
def test_columns_are_those_of_tshark() -> None:
    names = ["No.", "Time", "Source", "Destination", "Protocol", "Length"]
    words = ["-Y", "mysql.query", "-T", "fields", *(word for name in names for word in ("-e", f"_ws.col.{name}"))]
    assert run("dissect", "-r", NATIVE, "-d", PORT, *words).out == tshark(*words)
    assert run("dissect", NATIVE, "-T", "tabs", "-Y", "mysql.query").out.count("\t") == 4 * 7


def test_the_info_column_among_fields() -> None:
    words = [
        "-Y",
        "mysql.query",
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "_ws.col.info",
        "-E",
        "quote=d",
        "-E",
        "header=y",
    ]
    lines = run("dissect", NATIVE, *words).out.splitlines()
    assert lines[0] == "frame.number\t_ws.col.info"
    assert lines[3] == '"15"\t"Request Query SELECT 1"'
    # Of every frame, not only of those that hold what else is asked.
    every = run("dissect", NATIVE, "-T", "fields", "-e", "_ws.col.Info", "-e", "mysql.query").out.splitlines()
    assert len(every) == len(run("dissect", NATIVE, "--by", "frame").out.splitlines())
    made = json.loads(run("dissect", NATIVE, "-T", "json", "-c", "1", "-e", "_ws.col.Protocol").out)
    assert made[0]["_source"]["layers"] == {"_ws.col.Protocol": ["MySQL"]}


def test_without_a_command_it_is_dissect() -> None:
    assert run("-r", NATIVE, "-Y", "mysql.query").out == run("dissect", NATIVE, "-Y", "mysql.query").out
    assert run("-n", "-2", "-l", "-r", NATIVE, "-O", "mysql,tcp").out == run("dissect", "-V", NATIVE).out


def test_bulk_lines() -> None:
    lines = [json.loads(line) for line in run("dissect", NATIVE, "-T", "ek", "-Y", "mysql.error_code").out.splitlines()]
    assert lines[0] == {"index": {"_index": "packets-2026-11-22", "_type": "doc"}}
    assert lines[1]["timestamp"] == "1795343552207"
    assert lines[1]["layers"]["mysql"]["mysql_mysql_error_code"] == "1064"
    assert not any("." in key for layer in lines[1]["layers"].values() for key in layer)
    several = run("dissect", NATIVE, "-T", "ek", "-Y", "frame.number == 18").out.splitlines()[1]
    assert len(json.loads(several)["layers"]["mysql"]) > 5


@pytest.mark.parametrize("switch", ["pdml", "psml"])
def test_documents_are_well_formed(switch: str) -> None:
    for capture in (NATIVE, TLS, *sorted((REPOSITORY / "samples").glob("*fault-*.pcapng"))[::6]):
        root = ElementTree.fromstring(run("dissect", capture, "-T", switch).out)
        packets = root.findall("packet")
        assert len(packets) == len(run("dissect", capture, "--by", "frame").out.splitlines())


def test_fields_of_a_document_nest_and_have_their_bytes() -> None:
    root = ElementTree.fromstring(run("dissect", NATIVE, "-T", "pdml", "-Y", "frame.number == 11").out)
    (mysql,) = root.findall("packet/proto[@name='mysql']")
    query = mysql.find(".//field[@name='mysql.request']/field[@name='mysql.query']")
    assert query is not None
    assert query.get("show") == "select @@version_comment limit 1"
    assert bytes.fromhex(query.get("value", "")) == b"select @@version_comment limit 1"
    columns = ElementTree.fromstring(run("dissect", NATIVE, "-T", "psml", "-Y", "frame.number == 11").out)
    assert [cell.text for cell in columns.findall("packet/section")][:2] == ["11", "0.001805"]


@pytest.mark.parametrize("switch", REFUSED)
def test_what_is_refused_says_what_does_it(switch: str) -> None:
    done = run("dissect", "-r", NATIVE, switch, "x")
    assert done.code == 2
    assert f"tshark's {switch} is not taken: " in done.err
    assert len(REFUSED[switch]) > 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-d", "tcp.port==80,http"], "http is not decoded here"),
        (["-d", "udp.port==53,dns"], "only tcp.port==N,mysql"),
        (["-O", "http"], "'http' is not decoded here"),
        (["-z", "io,phs"], "is no statistic here"),
        (["-o", "tcp.desegment_tcp_streams:TRUE"], "is a preference of Wireshark's"),
        (["-w", "out.pcapng"], "-w writes the frames that match -Y"),
        (["-t", "adoy"], "invalid choice"),
        (["-e", "_ws.col.Inf", "-T", "fields"], "is no field"),
        (["-e", "_ws.col.Info"], "-e needs -T fields"),
    ],
)
def test_wrong_usage(words: list[str], said: str) -> None:
    done = run("dissect", "-r", NATIVE, *words)
    assert done.code == 2
    assert said in done.err


def test_no_capture_is_wrong_usage() -> None:
    done = run("dissect", "-Y", "mysql")
    assert done.code == 2
    assert "-r FILE" in done.err


def test_keys_and_ports_as_preferences(tmp_path: Path) -> None:
    keys = TLS.with_suffix(".keys")
    opened = run("dissect", TLS, "-o", f"tls.keylog_file:{keys}", "-Y", "mysql.query")
    assert opened.out == run("dissect", TLS, "--keylog", keys, "-Y", "mysql.query").out
    assert opened.out != ""
    target = tmp_path / "out.txt"
    assert run("dissect", NATIVE, "-o", "mysql.port:3307", "-o", target).code == 0
    assert target.read_text() == run("dissect", NATIVE).out


def test_statistics_are_what_other_commands_show() -> None:
    assert run("-q", "-r", NATIVE, "-z", "follow,tcp,hex,0").out == run("follow", NATIVE, "--stream", "0", "--hex").out
    assert run("-q", "-r", NATIVE, "-z", "conv,tcp").out == run("analyze", NATIVE).out
    assert run("-q", "-r", NATIVE, "-z", "expert").out == run("explain", NATIVE).out
    assert run("-q", "-r", NATIVE, "-z", "mysql,srt").out == run("stats", NATIVE).out
    both = run("-r", NATIVE, "-Y", "mysql.query", "-z", "conv,tcp").out
    assert both == run("dissect", NATIVE, "-Y", "mysql.query").out + run("analyze", NATIVE).out


def test_frames_that_match_are_written(tmp_path: Path) -> None:
    target = tmp_path / "some.pcapng"
    done = run("-r", NATIVE, "-Y", "mysql.query", "-w", target)
    assert (done.code, done.out) == (0, "")
    assert target.stat().st_size > 0
    before = NATIVE.read_bytes()
    assert run("-r", NATIVE, "-Y", "mysql.query", "-w", NATIVE).code == 2  # it is read
    assert NATIVE.read_bytes() == before
