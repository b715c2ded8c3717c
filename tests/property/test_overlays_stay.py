"""Whatever is signed in whatever order: an overlay that was accepted stands until it has ended,
or until enough officers have lifted it by name and digest."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.trust import Floor, TrustError
from support.overlays import overlay_files
from support.trust_root import CARL, DAY_US, FILES, NOW_US, Json, TrustFolder, trust_folder

pytestmark = pytest.mark.requirement("W-04")

NAMES = ("a", "b", "c")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(NAMES), st.integers(1, 3)),
        st.tuples(st.just("lift"), st.sampled_from(NAMES)),
        st.tuples(st.just("targets"), st.integers(0, 9)),
        st.tuples(st.just("forge"), st.sets(st.sampled_from(NAMES))),
        st.tuples(st.just("wait"), st.integers(1, 2)),
        st.tuples(st.just("look")),
    ),
    max_size=10,
)


class Story:
    """A trust root, a gateway that looks at it now and then, and a risk officer who cheats."""

    def __init__(self, folder: Path) -> None:
        self.made: TrustFolder = trust_folder(folder)
        self.files: dict[str, bytes] = {}
        self.ends_us: dict[bytes, int] = {}
        self.lifted: set[bytes] = set()
        self.floor = Floor()
        self.accepted: dict[str, bytes] = {}

    def step(self, kind: str, *given_: object) -> None:
        try:
            getattr(self, kind)(*given_)
            if kind != "look":
                self.made.publish()
        except TrustError:
            return

    def add(self, name: str, days: int) -> None:
        begins = self.made.now_us
        ends_us = begins + days * DAY_US
        files = overlay_files(name=name, effective_from_us=begins, expires_us=ends_us)
        kept = {n: d for n, d in self.files.items() if self._stands(d)}
        self.made.overlays({**files, **kept})
        self.files = {**files, **kept}
        self.ends_us.update(dict.fromkeys(files.values(), ends_us))

    def lift(self, name: str) -> None:
        target = f"overlays/{name}.json"
        self.made.targets(lift=(target,))
        self.lifted.add(self.files[target])

    def targets(self, number: int) -> None:
        self.made.targets({**FILES, "release/data.json": b"%d" % number})

    def forge(self, names: set[str]) -> None:
        """By hand, and whoever has the publisher's key helps: overlays without these."""
        latest = self.made.repository.latest("risk")
        last = f"{self.made.repository.latest('snapshot')}.snapshot.json"

        def without(signed: Json) -> None:
            signed["version"] = latest + 1
            for name in names:
                signed["targets"].pop(f"overlays/{name}.json", None)

        if not latest:
            return
        self.made.forge(f"{latest}.risk.json", without, CARL, to=f"{latest + 1}.risk.json")

        def pointed(signed: Json) -> None:
            signed["meta"]["risk.json"]["version"] = latest + 1

        self.made.forge(last, pointed, self.made.publisher)
        self.made.republish()

    def wait(self, days: int) -> None:
        self.made.now_us += days * DAY_US

    def look(self) -> None:
        state = self.made.verify(floor=self.floor)
        found = {n: t.read() for n, t in state.targets.items() if n.startswith("overlays/")}
        for name, data in self.accepted.items():
            assert found.get(name) == data or not self._stands(data), name
        assert not self.lifted & set(found.values())
        self.floor = Floor.from_dict(state.floor.to_dict())
        self.accepted = found

    def _stands(self, data: bytes) -> bool:
        return data not in self.lifted and self.made.now_us < self.ends_us[data]


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_an_overlay_stands_until_it_ends_or_is_lifted(steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        assert story.made.now_us == NOW_US
        for kind, *given_ in steps:
            story.step(str(kind), *given_)
            story.step("look")
