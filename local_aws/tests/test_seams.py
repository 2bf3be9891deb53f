"""Each seam of moto: in the table, needed, and met by what replaces it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from local_aws import LocalAws, Settings
from local_aws.seams import Seams
from local_aws.tests.probes import COMPONENT, PROBES

TABLE = tomllib.loads((Path(__file__).parents[1] / "seams.toml").read_text("utf-8"))


def test_the_table_has_each_seam_and_no_other() -> None:
    assert set(TABLE) == set(Seams.all)
    for target, row in TABLE.items():
        assert set(row) == {"moto", "aws", "source", "issue"}, target
        assert all(row.values()), target


def test_each_seam_has_a_probe() -> None:
    assert set(PROBES) == set(Seams.all)


@pytest.mark.parametrize("target", sorted(PROBES))
def test_moto_departs_from_aws_there_and_the_seam_does_not(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first fails, moto has healed it: delete the seam, its row and its probe."""
    seams = Seams.all[target]
    with monkeypatch.context() as without:
        without.delitem(seams._replacements, target)
        with LocalAws(COMPONENT, Settings(metrics=False, retry_scale=0)) as aws:
            assert not PROBES[target](aws), f"moto does what AWS does now: {TABLE[target]['aws']}"
    with LocalAws(COMPONENT, Settings(metrics=False, retry_scale=0)) as aws:
        assert PROBES[target](aws)
