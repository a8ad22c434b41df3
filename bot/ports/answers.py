"""How asking another system over HTTP can fail: one kind for each thing that a person would do next."""

from enum import StrEnum


class FailureKind(StrEnum):
    """Why there is no answer that can be used."""

    UNREACHABLE = "unreachable"  # no connection, or it broke off
    TIMEOUT = "timeout"  # not answered in time: nothing is known
    REDIRECTED = "redirected"  # a login page or a moved address; never followed
    REFUSED = "refused"  # 401 or 403
    NOT_FOUND = "not_found"  # 404: most likely the wrong address or path prefix
    REJECTED = "rejected"  # another 4xx: the question is wrong
    SERVER = "server"  # 5xx: it is there and cannot answer
    NOT_JSON = "not_json"  # an HTML page or other text where JSON was due
    MALFORMED = "malformed"  # JSON that was cut, or not of the documented shape
    TOO_LARGE = "too_large"  # more than was asked to be read, or more points than may be asked


class AnswerError(Exception):
    """No usable answer. `message` says what was asked, what came, and holds no secret."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class MetricsError(AnswerError):
    """Prometheus gave no usable answer."""


class AlertingError(AnswerError):
    """Alertmanager gave no usable answer."""
