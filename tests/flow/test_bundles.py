"""A document stays on the models it began with."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from hybrid_ocr.contracts.stages import ENDPOINTS
from local_cloud.deployment import Deployment
from local_cloud.models import LocalModels
from tests.flow.conftest import Start
from tests.flow.site import eventually
from topology import load_topology


def test_a_bundle_activated_meanwhile_is_for_the_next_document(start: Start, samples: Path) -> None:
    with start() as site:
        endpoint = site.names.endpoint("region_detection", "async")
        [pid] = site.local("processes")["endpoints"][endpoint]
        os.kill(pid, signal.SIGSTOP)  # the first document waits for its regions
        first = site.client.submit(samples / "receipt.png")
        eventually(lambda: site.backlog(endpoint) > 0)

        deployment = Deployment(site.connection.client, site.names, load_topology(), modes=("async",))
        models = LocalModels()  # every script, where the first bundle has latin alone
        deployment.publish(models)
        deployment.create_endpoints(models, "next")
        bundle = deployment.announce(models, "next")
        deployment.activate({"default": bundle})
        for stage in ENDPOINTS:
            name = site.names.endpoint(stage, "async", "next")
            eventually(lambda name=name: site.endpoint_status(name) == "InService")
        os.kill(pid, signal.SIGCONT)

        second = site.client.submit(samples / "receipt.png")
        results = []
        for job in (first, second):
            site.client.wait(job, 120)
            results.append(site.client.result(job))
        assert results[0].models["ocr"].name == "pp-ocrv6-small-rec-latin"
        assert results[1].models["ocr"].name == "pp-ocrv6-small-rec"
        assert results[1].bundle == bundle.id
        assert results[0].bundle not in {None, bundle.id}


def test_a_bundle_on_real_time_endpoints_takes_the_same_way(start: Start, samples: Path) -> None:
    with start() as site:
        deployment = Deployment(site.connection.client, site.names, load_topology(), modes=("realtime",))
        models = LocalModels(script="latin")
        deployment.activate({"default": deployment.announce(models)})
        job = site.client.submit(samples / "receipt.png")
        site.client.wait(job, 120)
        result = site.client.result(job)
        assert result.status == "completed"
        assert result.models["ocr"] == models.identities["ocr"]
        assert site.tickets() == 0  # nothing was waited for: each answer came at once
