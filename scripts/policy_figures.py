"""Prints what the suite proves of the policies: mutants killed, and engines that agree.

    policy_figures.py

Every control is counted with the mutants of an allowed document and of the release's limits and
instruments: each part deleted or corrupted. A mutant that is still allowed must be marked in its
schema, with the reason. Then the whole corpus is answered by the module, by a server and by
`opa eval`, and the answers that differ are counted. Exit 1: a mutant lives unmarked, or an answer
differs.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from gateway.policy.catalogue import load_catalogue  # noqa: E402  the folders came first
from gateway.policy.release import shipped_directory, shipped_release  # noqa: E402
from signing import canonical  # noqa: E402
from support import mutants, policy_cases  # noqa: E402
from support.boundaries import corpus  # noqa: E402
from support.corpus import data  # noqa: E402
from support.policy_cases import raw  # noqa: E402
from support.three_engines import eval_says, said, serving  # noqa: E402


def mutated() -> tuple[int, int, int]:
    """Mutants of allowed documents and limits: made, killed, and left for a stated reason."""
    parts = dict(mutants.described(mutants.schema("document")))
    marked = set(mutants.marked("document")) | set(mutants.marked("limits"))
    made = left = 0
    with policy_cases.bench(shipped_release()) as bench:
        for base in mutants.BASES.values():
            [whole] = bench.under(policy_cases.data()).decide([base()])
            assert mutants.allows(whole), "an allowed document is what mutants are made of"
            cases = [
                (place, document, policy_cases.data())
                for place, document in mutants.mutants(base(), parts)
            ]
            cases += mutants.limit_mutants(base())
            for place, document, under in cases:
                [answer] = bench.under(under).decide([document])
                made += 1
                if mutants.allows(answer):
                    assert place in marked, f"{place} is still allowed"
                    left += 1
    return made, made - left, left


def differences() -> tuple[int, int]:
    """Documents of the corpus, and how many of the three engines' answers differ."""
    documents = [raw(case.document) for case in corpus() if not case.moved]
    release = replace(shipped_release(), data=canonical.encode(data()))
    with policy_cases.bench(release) as bench:
        module = [said(answer) for answer in bench.under(data()).decide_encoded(documents)]
    with serving(release) as server:
        by_server = server.says(documents)
    by_eval = eval_says(release, documents)
    answers = zip(module, by_server, by_eval, strict=True)
    return len(documents), sum(len(set(three)) > 1 for three in answers)


def main() -> int:
    """Print both."""
    made, killed, left = mutated()
    size, differing = differences()
    controls = len(load_catalogue(shipped_directory()).controls)
    sys.stdout.write(
        f"controls                {controls:>8,}\n"
        f"mutants made            {made:>8,}\n"
        f"mutants killed          {killed:>8,}\n"
        f"mutants left, marked    {left:>8,}\n"
        f"documents of the corpus {size:>8,}\n"
        f"answers that differ     {differing:>8,}\n"
    )
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
