"""Why an interface can not be captured."""

from __future__ import annotations

from analyzer.errors import CaptureError


class NoPermission(CaptureError):
    """The system does not let this user capture."""

    def __init__(self, interface: str) -> None:
        super().__init__(interface, "capturing needs privileges")


class UnknownInterface(CaptureError):
    """No interface has this name; `known` are those that exist."""

    def __init__(self, interface: str, known: list[str]) -> None:
        self.known = known
        super().__init__(
            interface, f"no such interface; there are {', '.join(known)}" if known else "no such interface"
        )


class BadFilter(CaptureError):
    """A capture filter that libpcap does not take: its words for why, and where in `text` (None: nobody knows)."""

    def __init__(self, text: str, why: str, place: int | None) -> None:
        self.text = text
        self.why = why
        self.place = place
        super().__init__("capture filter", why)
