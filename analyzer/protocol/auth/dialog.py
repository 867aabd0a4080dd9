"""dialog: questions and answers, MariaDB's PAM and other plugins that ask a person.

Source: MariaDB manual, "Connecting", dialog plugin, and "Authentication with Pluggable Authentication Modules (PAM)".
Each question is a byte for its kind and the prompt; bit 0 of the kind says that it is the last one. The first question
may come with the switch request, or there is none and the client begins with its password. Answers are clear text with
a NUL after it.
"""

from __future__ import annotations

import re

from analyzer.errors import BadValue, DecodeError, ProtocolError
from analyzer.protocol.auth.base import (
    EMPTY,
    AuthRecord,
    ClientOptions,
    ClientSide,
    Empty,
    Exchange,
    Plugin,
    PluginData,
    Proof,
)
from analyzer.protocol.wire.reader import Reader, Writer

LAST_QUESTION = 1
ORDINARY_QUESTION = 2
PASSWORD_QUESTION = 4


# Words of prompts that say nothing but what is asked for: a prompt with another may hold a code, or a name.
_ASKING = frozenset(
    """
    a again authentication authenticator code current enter for ldap login mariadb mysql name new of old one otp pam
    passcode passphrase passwd password phrase pin please repeat retype the time token type unix user username
    verification your
    """.split()  # noqa: SIM905
)
_WORD = re.compile(r"[^\W_]+")


def is_ordinary(prompt: str) -> bool:
    """Whether a prompt has no words but those of a question."""
    return all(word.lower() in _ASKING for word in _WORD.findall(prompt))


class Question(AuthRecord, frozen=True):
    """A question: 2 ordinary, 4 for a password (not to be shown), and 1 added for the last."""

    question_type: int
    prompt: str

    @property
    def hidden(self) -> bool:
        return self.question_type & ~LAST_QUESTION == PASSWORD_QUESTION

    def summary(self) -> str:
        kind = "asks for a password" if self.hidden else "asks"
        return f"{kind}: {self.prompt!r}" if self.prompt and is_ordinary(self.prompt) else kind

    @classmethod
    def decode(cls, r: Reader) -> Question:
        at = r.pos
        question_type = r.u8("question_type")
        if question_type & ~LAST_QUESTION not in (ORDINARY_QUESTION, PASSWORD_QUESTION):
            raise BadValue("Question", "question_type", at, f"2 to 5 expected, {question_type} found")
        return cls(question_type, r.rest_text("prompt"))

    def encode(self, w: Writer) -> None:
        w.u8(self.question_type)
        w.raw(self.prompt)


class Answer(AuthRecord, frozen=True):
    """What the user typed, in clear text, with a NUL after it. Treated as secret, whatever was asked."""

    password: bytes

    def summary(self) -> str:
        return "the answer in clear text"

    @classmethod
    def decode(cls, r: Reader) -> Answer:
        password = r.nul("password")
        r.finish()
        return cls(password)

    def encode(self, w: Writer) -> None:
        w.nul(self.password)


class DialogExchange(Exchange):
    """Answers and questions in turn."""

    __slots__ = ()

    def client(self, r: Reader) -> AuthRecord:
        payload = r.data[r.pos : r.end]
        if not payload:
            if self.protection is None:
                self.protection = EMPTY
            return Empty.decode(r)
        answer = Answer.decode(r)
        if self.response is None:
            self.response = payload
        if answer.password:
            self.protection = self.cleartext_protection()
        elif self.protection is None:
            self.protection = EMPTY
        return answer

    def server(self, r: Reader) -> AuthRecord:
        return Question.decode(r)


class DialogClient(ClientSide):
    """The first question is answered with the password, as libmariadb does; further ones by `options.prompt`, or with
    the password where they ask for one and nobody is there to be asked."""

    __slots__ = ("_answered",)

    def __init__(self, plugin: Plugin, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> None:
        super().__init__(plugin, password, nonce, secure, options)
        self._answered = False

    def respond(self, server_data: bytes | None) -> bytes | None:
        if server_data is not None:
            try:
                question = Question.decode(Reader(server_data))
            except DecodeError as error:
                raise ProtocolError(f"dialog: {error}") from error
            if self._answered and self.options.prompt is not None:
                self.password = self.options.prompt(question.prompt, question.hidden)
            elif self._answered and not question.hidden:
                raise ProtocolError(f"dialog: the server asks {question.prompt!r} and there is no way to ask the user")
        self._answered = True
        return self.asked_cleartext()


class Dialog(Plugin):
    name = "dialog"
    short_name = "dialog"
    proof = Proof(
        computed="The server asks questions, and the client sends the answers as they are.",
        proves="The server's PAM stack checks the answers. Only TLS keeps them from others.",
    )
    nonce_length = None

    def data(self, r: Reader) -> AuthRecord:
        return Question.decode(r) if r.left else PluginData(b"", b"")

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return DialogExchange(nonce, secure)

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        return DialogClient(self, password, nonce, secure, options)

    def verify(self, password: bytes, nonce: bytes, response: bytes) -> bool | None:
        return response.removesuffix(b"\x00") == password
