"""Scaling alive: endpoints that sleep wake for work, and sleep again after it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.flow.conftest import Start
from tests.flow.site import Site, eventually


def instances(site: Site) -> list[int]:
    """Of each endpoint, by what scaling says and by the processes there are."""
    scaled = site.local("scaling")["endpoints"]
    processes = site.local("processes")["endpoints"]
    assert scaled.keys() == processes.keys()
    return [each["instances"] for each in scaled.values()] + [len(pids) for pids in processes.values()]


def test_a_document_wakes_all_endpoints_at_once_and_they_sleep_again_after_it(
    start: Start, samples: Path
) -> None:
    with start(autoscale_speed=120) as site:
        assert instances(site) == [0] * 6
        job = site.client.submit(samples / "article.pdf")
        assert site.client.wait(job, 120).state == "succeeded"
        result = site.client.result(job)
        assert result.status == "completed"
        assert [page.number for page in result.pages] == [1, 2, 3]
        eventually(lambda: instances(site) == [0] * 6)
        told = site.local("scaling")["endpoints"]
        for endpoint in told.values():
            steps = [(decision["from"], decision["to"]) for decision in endpoint["decisions"]]
            assert steps == [(0, 1), (1, 0)]
            assert "DocumentsWithoutCapacity" in endpoint["decisions"][0]["why"]
        assert len({endpoint["decisions"][0]["at"] for endpoint in told.values()}) == 1  # together
        assert not any(site.local("backlog").values())


def slept(site: Site, times: int) -> bool:
    """Whether an endpoint has gone to sleep so many times."""
    endpoints = site.local("scaling")["endpoints"].values()
    return any(sum(decision["to"] == 0 for decision in each["decisions"]) >= times for each in endpoints)


def test_work_that_comes_while_endpoints_go_to_sleep_is_not_lost(start: Start, samples: Path) -> None:
    with start(autoscale_speed=600) as site:
        jobs = []
        for document in range(3):
            eventually(partial(slept, site, document))
            jobs.append(site.client.submit(samples / "receipt.png"))
        assert {site.client.wait(job, 120).state for job in jobs} == {"succeeded"}
        assert all(site.client.result(job).status == "completed" for job in jobs)
