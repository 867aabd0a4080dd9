"""Runs the matrix: the raw client logs in, one tcpdump for each server listens, the analyzer reads what it wrote."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.connection.truth import compare
from analyzer.analysis.findings.cross_connection import OPEN
from analyzer.cli.verify import find
from analyzer.errors import AnalyzerError, ServerError
from live_client import Options, Session
from live_client.tls import SavedTls
from tests.matrix.cases import HOLD, NOTHING, REMEMBER, Trial, trials
from tests.matrix.serverside import Json, compare_log, log_views, session_view
from tests.reading import connections_of
from tests.servers import Server
from tests.servers.accounts import Account, account
from tests.servers.capturing import tcpdump
from tests.servers.own import own_account

# Of these two captures of one connection all is the same but frame numbers, times and what only the network shows.
SAME: Final = (
    "client", "server", "outcome", "phase_reached", "error", "greeting", "login", "tls", "authentication",
    "compression", "commands", "driver", "fingerprint", "proxy",
)  # fmt: skip
# A server that has said all it has to say resets the connection where the client's goodbye comes after its own end:
# the client's socket tells neither that nor when.
ONLY_ON_THE_NETWORK: Final = frozenset({"connection-reset", "retransmissions"})
SAME_OF_TCP: Final = ("syn", "gaps", "bytes_from_client", "bytes_from_server")
# Made by looking at the connections before, in which a recording of one differs: COMPLETED, and this one.
OF_MANY: Final = OPEN | {"connection-churn"}


class CannotCapture(RuntimeError):
    """tcpdump may not, or is not here."""


@dataclass
class Done:
    """A trial that was made: what became of it, and what is known of it."""

    trial: Trial
    truth: Json
    recording: Path
    failed: AnalyzerError | None = None
    view: Json | None = None
    problems: list[str] = field(default_factory=list)
    decrypted: bool = False
    from_log: bool = False


def login_options(server: Server, trial: Trial, who: Account | None = None) -> Options:
    """The options of a trial's login, by its account or another one that is the same otherwise."""
    who = who or account(trial.account)
    usual: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "user": who.name,
        "passwords": (who.password.encode(),),
        "database": "labdb" if who.rights in ("all", "labdb") else None,
        "ssl_mode": "disabled" if trial.tls == "none" else "required",
        "tls_versions": () if trial.tls == "none" else (trial.tls,),
        "get_server_public_key": True,
        "cleartext": True,
        "old_password": True,
        "compression": trial.compression,
    }
    return Options(**{**usual, **trial.choices})


def admin_options(server: Server) -> Options:
    who = account("admin")
    return Options(host=server.host, port=server.port, user=who.name, passwords=(who.password.encode(),))


class ServerRun:
    """The matrix of one server, in a directory of its own."""

    def __init__(self, server: Server, folder: Path, cases: Callable[[Server], Iterable[Trial]] = trials) -> None:
        self.server = server
        self.cases = cases
        self.folder = folder
        self.capture = folder / "tcpdump.pcap"
        self.keylog = folder / "keys.txt"
        self.done: list[Done] = []

    def run(self) -> None:
        """All trials, one after the other, then the comparisons."""
        self.folder.mkdir()
        with Session(admin_options(self.server)).open() as admin:
            now = admin.query("SELECT CONNECTION_ID(), NOW(6)")[0].rows[0]
            with tcpdump(self.capture, None, self.server.port, cannot=CannotCapture, lossy=CannotCapture):
                for number, trial in enumerate(self.cases(self.server)):
                    done = self._try(trial, self.folder / f"{number}.pcapng")
                    problem = self._unexpected(done)
                    done.problems += [] if problem is None else [problem]
                    self.done.append(done)
            logged = log_views(admin, int(now[0] or 0), str(now[1]))
        self._compare(logged)

    def _try(self, trial: Trial, recording: Path) -> Done:
        with contextlib.ExitStack() as held:
            who = account(trial.account)
            if trial.before != NOTHING or who.state == "one connection":
                # What was before counts: nobody else may log in with it. A new one is in no cache of passwords.
                who = held.enter_context(own_account(self.server, who))
            options = login_options(self.server, trial, who)
            if trial.before == REMEMBER:
                Session(login_options(self.server, _over_tls(trial), who)).open().quit()
            elif trial.before == HOLD:
                held.enter_context(Session(options).open())
            resume = _first_session(options) if trial.resumed else None
            done = Done(trial, {}, recording)
            with recording.open("wb") as file:
                session = Session(options, record=file, keylog=self.keylog, resume=resume)
                try:
                    session.open()
                    done.view = _work(session)
                except AnalyzerError as error:
                    done.failed = error
                finally:
                    session.quit()
            # As it is after a way through a file.
            done.truth = msgspec.json.decode(msgspec.json.encode(session.truth()))
        return done

    @staticmethod
    def _unexpected(done: Done) -> str | None:
        """What is wrong with how the login ended; None where it ended as it has to."""
        trial = done.trial
        code = done.failed.code if isinstance(done.failed, ServerError) else done.failed
        if code != trial.error:
            return f"the login has to end with {trial.error or 'acceptance'}, and ended with {done.failed}"
        wanted = {"accepted, full": "full", "accepted, fast": "fast"}.get(trial.outcome)
        if wanted is not None and done.truth["authentication"]["path"] != wanted:
            return f"the path has to be {wanted}"
        tls = done.truth["tls"]
        if tls and tls["resumed"] != trial.resumed:
            return f"the handshake has to be {'resumed' if trial.resumed else 'a full one'}"
        return None

    # -- comparing -----------------------------------------------------------------------------------------------------

    def _compare(self, logged: Mapping[int, Json]) -> None:
        captured = analyse(self.capture, self.keylog)
        for done in self.done:
            found = find(captured, done.truth)
            if len(found) != 1:
                done.problems.append(f"tcpdump's capture has {len(found)} connections that this may be")
                continue
            (theirs,) = _plain(found)
            done.decrypted = theirs["tls"] is not None and bool(theirs["tls"].get("decrypted"))
            done.problems += compare(theirs, done.truth)
            if done.view is not None:
                done.problems += [f"server: {line}" for line in compare(theirs, done.view)]
            number = done.truth["connection_id"]
            if number in logged:
                done.from_log = True
                done.problems += compare_log(theirs, logged[number])
            (mine,) = _plain(analyse(done.recording))
            done.problems += compare_captures(mine, theirs)
            self.look_closer(done, mine)

    def look_closer(self, done: Done, connection: Json) -> None:
        """What else is to be compared, by others of this kind."""


def _over_tls(trial: Trial) -> Trial:
    return Trial(trial.account, trial.plugin, "TLSv1.3", None, "accepted")


def _first_session(options: Options) -> SavedTls | None:
    """The TLS session of a login that does nothing else."""
    session = Session(options).open()
    session.quit()
    return session.saved_tls


def _work(session: Session) -> Json | None:
    """A few commands of each kind; what the server says of the session, where the account may ask."""
    session.ping()
    try:
        view = session_view(session)
    except ServerError:
        # Expired accounts may do nothing but set a new password.
        return None
    if session.options.protocol != 320:
        # Prepared statements came with the protocol that followed it.
        session.prepare("SELECT 'prepared'")
    if session.options.database is not None:
        session.use(session.options.database)
    return view


def analyse(path: Path, keylog: Path | None = None, *, with_keys: bool = True) -> list[Connection]:
    """The connections of a capture, opened with the key log beside it or with the keys inside."""
    keylogs = (keylog.read_bytes(),) if keylog is not None and keylog.exists() else ()
    return connections_of(path, AnalysisOptions(keylogs=keylogs), keys=with_keys)


def _plain(connections: Iterable[Connection]) -> list[Json]:
    return [msgspec.to_builtins(each) for each in connections]


def compare_captures(recorded: Json, captured: Json) -> list[str]:
    """What the analyzer says otherwise of the client's recording than of tcpdump's capture of the same connection."""
    lines: list[str] = []
    for key in SAME:
        _differ(key, recorded[key], captured[key], lines)
    for key in SAME_OF_TCP:
        _differ(f"tcp.{key}", recorded["tcp"][key], captured["tcp"][key], lines)
    # Some findings are made by looking at the other connections of a capture, of which a recording has none.
    not_compared = ONLY_ON_THE_NETWORK | OF_MANY
    mine, theirs = (
        sorted(code for code in (seen["code"] for seen in each["findings"]) if code not in not_compared)
        for each in (recorded, captured)
    )
    _differ("findings", mine, theirs, lines)
    return lines


def _differ(path: str, mine: Any, theirs: Any, lines: list[str]) -> None:
    """Leaves that differ. Frame numbers are not compared, nor sentences, which hold times."""
    if isinstance(mine, dict) and isinstance(theirs, dict) and mine.keys() == theirs.keys():
        for key, value in mine.items():
            if not key.endswith(("frame", "frames", "message")) or path == "error":
                _differ(f"{path}.{key}", value, theirs[key], lines)
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            _differ(f"{path}[{number}]", one, other, lines)
    elif mine != theirs and path != "error.frame":
        lines.append(f"{path}: the recording has {mine!r}, tcpdump's capture {theirs!r}")


def run_matrix(servers: Iterable[Server], folder: Path) -> list[ServerRun]:
    """All of the servers at the same time. Raises CannotCapture."""
    runs = [ServerRun(server, folder / server.name) for server in servers]
    with ThreadPoolExecutor(len(runs)) as pool:
        for future in [pool.submit(run.run) for run in runs]:
            future.result()
    return runs
