"""Every error raised on purpose, as a tree.

The command line prints the message and the remedy as one paragraph and ends with `exit_code`; anything that is not a
`BuildError` is a defect and keeps its traceback.
"""

from __future__ import annotations


class BuildError(Exception):
    """The root. `remedy` says what the user can do about it; `exit_code` is what the process ends with."""

    exit_code = 1

    def __init__(self, message: str = "", *, remedy: str = "") -> None:
        super().__init__(message)  # keyword defaults everywhere below: errors must cross processes (pickle)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ConfigError(BuildError):
    """The configuration or the command line is wrong."""

    exit_code = 2


class UnknownSynset(ConfigError):
    """No synset of that name or wnid, or a bare word with several senses."""


class ConfigChanged(ConfigError):
    """A run was resumed with a change that would make its old rows wrong."""


class DataError(BuildError):
    """Data on disk, or handed to a function, is not what it must be."""

    exit_code = 3


class RunInUse(BuildError):
    """Another process is writing this run."""

    exit_code = 3


class SourceError(BuildError):
    """Something outside cannot be used: WordNet's files, an engine, a host, the disk."""

    exit_code = 3

    def __init__(self, message: str = "", *, source: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.source = source


class WordNetUnusable(SourceError):
    """WordNet's files are missing, of another version, or damaged."""


class DiskUnusable(SourceError):
    """The disk is full, read-only, or refuses a file."""


class StoreUnusable(SourceError):
    """An object store (S3, GCS) refuses, or goes on failing: no bucket, no permission, slow-downs without end."""


class Unreachable(SourceError):
    """No answer: connection refused or reset, name not found, deadline passed, body cut off. Worth another try."""


class RateLimited(SourceError):
    """The service asked us to slow down, or is down for a while. Retried after `retry_after_s` seconds."""

    def __init__(self, message: str = "", *, source: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, source=source)
        self.retry_after_s = retry_after_s


class HostResting(SourceError):
    """A host is left in peace until `until` (seconds since 1970); its URLs stay in the queue."""

    def __init__(self, message: str = "", *, source: str = "", until: float = 0.0) -> None:
        super().__init__(message, source=source)
        self.until = until


class MemberLost(SourceError):
    """A process of a cluster is gone, or cannot be started now; others take over its work.

    It may only be cut off, and go on for as long as `stays_s` before it notices.
    """

    def __init__(self, message: str = "", *, source: str = "", stays_s: float = 0.0) -> None:
        super().__init__(message, source=source)
        self.stays_s = stays_s


class QueryRefused(SourceError):
    """The engine refuses this query (too deep, too long); other queries go on."""


class EngineRefused(SourceError):
    """The engine refuses us (key, ban, terms); nothing more is asked of it in this run."""


class UnexpectedResponse(SourceError):
    """An answer that the adapter cannot read: kept; the engine stops, because silence would look like success."""


class AddressRefused(SourceError):
    """A private, loopback, link-local or metadata address that the configuration does not allow."""


class HopRefused(SourceError):
    """Whoever asked for the URL does not want it followed to here (scheme, robots); `verdict` is its own reason."""

    def __init__(self, message: str = "", *, source: str = "", verdict: object = None) -> None:
        super().__init__(message, source=source)
        self.verdict = verdict


class TooManyRedirects(SourceError):
    """More redirects than allowed, or one that leads nowhere."""


class TooManyBytes(SourceError):
    """The body is larger than the limit, as announced or as counted."""


class DeadlinePassed(Unreachable):
    """No complete answer in time."""


class TooSlow(Unreachable):
    """Bytes arrive more slowly than the least rate that is accepted."""


class HostUnknown(Unreachable):
    """The name does not resolve."""


class NoConnection(Unreachable):
    """Not even a connection: refused, no route, not in time, or no answer about the name."""


class TlsFailed(Unreachable):
    """No secure connection: the certificate or the protocol is not acceptable."""


class BadAnswer(Unreachable):
    """What came is no HTTP: malformed, too many or too long headers, a body that cannot be decompressed,
    answers announced without end."""


class CutOff(Unreachable):
    """The connection ended before the body did."""


class NotKept(SourceError):
    """A page that was never answered, while only kept pages may be read."""
