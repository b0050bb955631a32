"""Pure: does a site forbid training: `Content-Usage` and `Content-Signal`, as headers or as lines of robots.txt?

Sources: draft-ietf-aipref-attach (the Content-Usage header, a dictionary of RFC 9651; the Content-Usage rule of
robots.txt, with an optional path before the preferences; the longest matching path counts, and of equal paths the most
restrictive one); draft-ietf-aipref-vocab (`train-ai=n`); Cloudflare's Content Signals Policy, contentsignals.org
(`ai-train=no`), read by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from imagenet_build.network.robots_lines import PathPatterns, normal_path

FIELDS = ("content-usage", "content-signal")
_TRAINING = frozenset({"train-ai", "ai-train"})
_EVERYTHING = "bots"
"""All automated processing, in the vocabulary's early drafts; counts where training is not named."""
_NO = frozenset({"n", "no", "?0", "false"})


def forbids_training(preferences: str) -> bool:
    """Whether a statement of preferences says no to training.

    >>> forbids_training("search=yes, ai-train=no"), forbids_training("train-ai=y"), forbids_training("search=n")
    (True, False, False)
    """
    said: dict[str, bool] = {}
    for part in preferences.replace("\n", ",").split(","):
        name, _, value = part.partition(";")[0].partition("=")
        name = name.strip().lower()
        said[name] = said.get(name, False) or value.strip().strip('"').lower() in _NO
    named = _TRAINING.intersection(said)
    return any(said[name] for name in named) if named else said.get(_EVERYTHING, False)


def refusing_header(headers: Mapping[str, str]) -> str | None:
    """The header that says no to training; `headers` with lower-case names.

    >>> refusing_header({"content-usage": "train-ai=n"})
    'Content-Usage: train-ai=n'
    """
    for field in FIELDS:
        said = headers.get(field)
        if said is not None and forbids_training(said):
            return f"{field.title()}: {' '.join(said.split())}"
    return None


class UsageRules:
    """The rules of one robots.txt that are about usage."""

    def __init__(self, fields: Mapping[str, Mapping[str, tuple[bool, str]]]) -> None:
        """`fields`: field -> path pattern -> (whether it says no to training, the line)."""
        self._fields = [(PathPatterns(rules), rules) for rules in fields.values()]

    def refusal(self, path: str) -> str | None:
        """The line that says no to training with what stands at `path` (with its query string), or None."""
        for patterns, rules in self._fields:
            pattern = patterns.best(path)
            if pattern is not None and rules[pattern][0]:
                return rules[pattern][1]
        return None


def usage_rules(lines: Iterable[tuple[str, str, str]]) -> UsageRules | None:
    """The rules about usage among `robots_lines.lines_for`'s lines; None if none says no to training."""
    fields: dict[str, dict[str, tuple[bool, str]]] = {}
    for field, value, line in lines:
        if field in FIELDS:
            path, preferences = value.split(maxsplit=1) if _has_path(value) else ("/", value)
            rules = fields.setdefault(field, {})
            key = normal_path(path)
            if key not in rules or not rules[key][0]:
                rules[key] = (forbids_training(preferences), line)
    refusing = {field: rules for field, rules in fields.items() if any(no for no, _ in rules.values())}
    return UsageRules(refusing) if refusing else None


def _has_path(value: str) -> bool:
    return value.startswith("/") and len(value.split(maxsplit=1)) == 2
