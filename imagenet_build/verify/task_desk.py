"""EDGE: hands out pages of a run to several workers at once and takes in their answers."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from time import time as now_s

import numpy as np

from imagenet_build.config.verify_models import VerifyConfig
from imagenet_build.errors import DataError
from imagenet_build.records import ShardRef
from imagenet_build.storage.layout import RunLayout
from imagenet_build.verify.desk_options import DeskOptions, NoPage, random_name
from imagenet_build.verify.gold import Gold, choose_gold, gold_beside, gold_count
from imagenet_build.verify.gold_source import GoldSource
from imagenet_build.verify.run_pictures import SynsetPictures, load_pictures, load_texts, synsets_with_pictures
from imagenet_build.verify.synset_sheet import SynsetSheet
from imagenet_build.verify.task_pages import arranged, second_looks
from imagenet_build.verify.vote_store import Journal, TaskPage
from imagenet_build.verify.vote_tables import votes_folder

ANSWER_NAMES = ("yes", "no", "unsure")
SHEETS_HELD = 64
SCANTY = 6
"""A page of less than this part of the size wastes more time on reading the question than on pictures."""
MOST_LOADED_AT_ONCE = 8
"""Synsets, for one page."""
MOST_OPEN_PAGES = 8
"""Of one worker: more than that are only out if answers do not come back."""


@dataclass
class Desk:
    """The state of one session. All methods belong to one thread."""

    layout: RunLayout
    config: VerifyConfig
    options: DeskOptions = field(default_factory=DeskOptions)
    clock: Callable[[], float] = now_s
    new_name: Callable[[], str] = random_name
    """Names pages; nobody may guess one. What stands on a page follows from its name and the votes so far."""

    def __post_init__(self) -> None:
        """Raises DataError if the run has no manifests, or a wanted synset has none."""
        present = synsets_with_pictures(self.layout)
        missing = [wnid for wnid in self.options.wnids if wnid not in present]
        if missing:
            raise DataError(f"{self.layout.root} has no manifest of {', '.join(missing)}.")
        self.wnids: Sequence[str] = self.options.wnids or present
        self.texts = load_texts(self.layout)
        self._parents = {text.wnid: text.hypernyms[0] for text in self.texts.values() if text.hypernyms}
        self._pictures: OrderedDict[str, SynsetPictures] = OrderedDict()
        self._sheets: OrderedDict[str, SynsetSheet] = OrderedDict()
        self._gold = GoldSource(self.layout, present, self.texts, self.pictures)
        self.journal = Journal(votes_folder(self.layout))
        self._open: dict[str, TaskPage] = {
            page.page: page for page in self.journal.open_pages(self.clock() - self.options.lease_s)
        }
        self._answered = self.journal.counts_by_worker()
        self._begin: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        self._nothing_at: dict[str, dict[str, int]] = {}
        """Worker -> wnid -> its version at which there was nothing to ask this worker."""

    def warm(self) -> None:
        """Load what the first page will need, before anybody waits for it.

        Raises:
            DataError: the run has addresses of pictures, but no pictures.
        """
        newest = max(self._open.values(), key=lambda page: page.given_at, default=None)
        sheet = self.sheet(newest.wnid if newest is not None else self.wnids[0])
        if len(sheet.pictures) and not sheet.pictures.sizes.any():
            raise DataError(
                f"{self.layout.root} keeps no picture files, only their addresses: there is nothing to show.",
                remedy="Give its questions to another tool: imagenet-build verify export RUN --format label-studio.",
            )

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()

    def page_for(self, worker: str, have: Collection[str] = ()) -> TaskPage | NoPage:
        """A page for a worker: one that is still out, or else a new one.

        Args:
            have: pages that the worker's browser holds already.
        """
        self._expire()
        own = sorted((page for page in self._open.values() if page.worker == worker), key=lambda page: page.given_at)
        for page in own:
            if page.page not in have:
                return page
        if len(own) >= MOST_OPEN_PAGES:
            return NoPage.NOTHING
        made = self._next(worker)
        if made is NoPage.NOTHING and self._look_again():
            made = self._next(worker)
        if isinstance(made, TaskPage):
            self.journal.give([made])
            self._open[made.page] = made
        return made

    def _next(self, worker: str) -> TaskPage | NoPage:
        """A new page of the first synset that has a fair-sized one for this worker, else of any that has one."""
        nothing_at = self._nothing_at.setdefault(worker, {})
        scanty: list[str] = []
        loaded = 0
        for wnid in self._in_turn(worker):
            version = self._versions.get(wnid, 0)
            if nothing_at.get(wnid) == version:
                continue
            loaded += wnid not in self._sheets
            if loaded > MOST_LOADED_AT_ONCE:
                return NoPage.SEARCHING
            sheet = self.sheet(wnid)
            offered = len(sheet.offer(worker, self.options.page_size))
            if not offered:
                nothing_at[wnid] = version
            elif offered < self.options.page_size // SCANTY and sheet.is_waiting():
                scanty.append(wnid)  # answers that are under way will bring it more
            else:
                return self.compose(wnid, worker) or NoPage.NOTHING
        return (self.compose(scanty[0], worker) if scanty else None) or NoPage.NOTHING

    def _look_again(self) -> bool:
        """Learn from the votes of this session wherever there are new ones; whether there were any."""
        fresh = [wnid for wnid, sheet in self._sheets.items() if sheet.has_fresh()]
        for wnid in fresh:
            self._refresh(wnid)
        return bool(fresh)

    def _refresh(self, wnid: str) -> None:
        self._sheets[wnid].refresh(list(self.journal.standing(wnid)))
        self._changed(wnid)

    def _changed(self, wnid: str) -> None:
        """There may be something to ask again of those for whom there was nothing."""
        self._versions[wnid] = self._versions.get(wnid, 0) + 1

    def submit(
        self, submission: str, page: str, worker: str, answers: Sequence[str], milliseconds: Sequence[int | None]
    ) -> bool:
        """Take in answers; False if this submission came before.

        Raises:
            DataError: no such page of this worker, or the answers do not fit it.
        """
        found = self._own_page(page, worker)
        if len(answers) != len(found.images) or len(milliseconds) != len(answers):
            raise DataError(f"The page has {len(found.images)} pictures, but {len(answers)} answers came.")
        if any(answer not in (*ANSWER_NAMES, "") for answer in answers):
            raise DataError(f"An answer is one of {', '.join(ANSWER_NAMES)}, or empty for a picture that was not seen.")
        before = 0 if page in self._open else len(self.journal.answers_of(page, worker))
        if not self.journal.submit(submission, found, worker, answers, milliseconds, self.clock()):
            return False
        self._answered[worker] = self._answered.get(worker, 0) + sum(map(bool, answers)) - before
        sheet = self._sheets.get(found.wnid)
        if sheet is not None:
            if page in self._open:
                sheet.release(found)
            sheet.answered(found)
            if sheet.is_stale():
                self._refresh(found.wnid)
        self._open.pop(page, None)
        return True

    def undo(self, submission: str, page: str, worker: str) -> tuple[TaskPage, list[str]]:
        """Take back the answers to a page; returns it with them, to be answered again. Nothing happens the second time.

        Raises:
            DataError: no such page of this worker.
        """
        found = self._own_page(page, worker)
        said = self.journal.answers_of(page, worker)
        if said and page not in self._open and self.journal.undo(submission, found, self.clock()):
            self._answered[worker] = max(0, self._answered.get(worker, 0) - len(said))
            self._open[page] = found
            sheet = self._sheets.get(found.wnid)
            if sheet is not None:
                sheet.taken_back(found)
                sheet.lease(found)
                self._changed(found.wnid)
        return found, [said.get(position, "") for position in range(len(found.images))]

    def places(self, page: str, worker: str) -> list[tuple[ShardRef, str]]:
        """Where the pictures of a page lie, and their formats.

        Raises:
            DataError: no such page of this worker, or a picture is no longer in the run.
        """
        found = []
        for image in self._own_page(page, worker).images:
            held = self.pictures(image.split("_", 1)[0])
            if image not in held.place:
                raise DataError("A picture of this page is no longer in the run.")
            place = held.place[image]
            found.append((held.ref(place), str(held.formats[place])))
        return found

    def progress(self, worker: str, wnid: str) -> dict[str, int]:
        """Answers of the worker; of the synset all pictures, those with a vote, those another vote is worth asking."""
        sheet = self.sheet(wnid)
        return {
            "answered": self._answered.get(worker, 0),
            "pictures": len(sheet.pictures),
            "voted": int(sheet.voted.sum()),
            "open": sheet.open_pictures(),
        }

    def pictures(self, wnid: str) -> SynsetPictures:
        """The pictures of a synset, from memory if they were wanted lately."""
        if wnid not in self._pictures:
            self._pictures[wnid] = load_pictures(self.layout, wnid)
            if len(self._pictures) > SHEETS_HELD:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(wnid)
        return self._pictures[wnid]

    def sheet(self, wnid: str) -> SynsetSheet:
        """The state of a synset, from memory if it was wanted lately."""
        if wnid not in self._sheets:
            held, only = self.pictures(wnid), self.options.images.get(wnid)
            asked = held if only is None else held.only(only)
            out = [page for page in self._open.values() if page.wnid == wnid]
            self._sheets[wnid] = SynsetSheet(asked, list(self.journal.standing(wnid)), out, self.config, self._parents)
            if len(self._sheets) > SHEETS_HELD:
                put_away, sheet = self._sheets.popitem(last=False)
                if sheet.is_waiting():  # for answers that nobody will tell it of
                    self._changed(put_away)
        self._sheets.move_to_end(wnid)
        return self._sheets[wnid]

    def _in_turn(self, worker: str) -> Sequence[str]:
        """The synsets, beginning where the worker was when this session began: what lies before is mostly done."""
        if worker not in self._begin:
            last = self.journal.last_page(worker)
            self._begin[worker] = self.wnids.index(last.wnid) if last and last.wnid in self.wnids else 0
        place = self._begin[worker]
        return [*self.wnids[place:], *self.wnids[:place]]

    def compose(self, wnid: str, worker: str, source: str = "web") -> TaskPage | None:
        """A new page of a synset, not yet written down; None if there is nothing to ask this worker about it.

        Its pictures wait for its answers as long as this desk is open.

        Args:
            worker: empty for whoever comes, with a source other than the web.
        """
        if (page := self._composed(wnid, worker, source)) is not None:
            self.sheet(wnid).lease(page)
        return page

    def _composed(self, wnid: str, worker: str, source: str) -> TaskPage | None:
        sheet = self.sheet(wnid)
        name = self.new_name()
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
        size = self.options.page_size
        room = size - gold_count(size, self.options.gold_share)
        offered = sheet.offer(worker, room)
        if not len(offered):
            return None
        again = second_looks(sheet.seen_by(worker), self.options.second_look, len(offered), rng)
        images = [str(image) for image in sheet.pictures.ids[np.concatenate([again, offered[: room - len(again)]])]]
        gold = self._gold_for(sheet, worker, set(images), gold_beside(len(images), self.options.gold_share), rng)
        shown, known = arranged(images, gold, rng)
        return TaskPage(name, worker, wnid, tuple(shown), known, self.clock(), source)

    def _gold_for(
        self, sheet: SynsetSheet, worker: str, taken: set[str], count: int, rng: np.random.Generator
    ) -> list[Gold]:
        positives, negatives = self._gold.of(sheet.pictures.wnid)
        seen = sheet.seen_by(worker)
        foreign = sheet.foreign_seen.get(worker, set())
        place = sheet.pictures.place
        may_see = [
            gold
            for gold in positives
            if gold.image in place and not seen[place[gold.image]] and gold.image not in taken
        ]
        return choose_gold(may_see, [gold for gold in negatives if gold.image not in foreign], count, rng)

    def _own_page(self, page: str, worker: str) -> TaskPage:
        found = self._open.get(page) or self.journal.page(page)
        if found is None or found.worker != worker:
            raise DataError("There is no such page.")
        return found

    def _expire(self) -> None:
        oldest = self.clock() - self.options.lease_s
        for page in [page for page in self._open.values() if page.given_at < oldest]:
            del self._open[page.page]
            if page.wnid in self._sheets:
                self._sheets[page.wnid].release(page)
                self._changed(page.wnid)
