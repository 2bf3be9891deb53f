"""Prices and service times: what ships, what a user puts in their place, and what is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from autoscaling import load_policies
from autoscaling.prices import load_prices
from autoscaling.scenario import DEFAULT_HOSTING, parse_hosting
from autoscaling.service_times import TypeTimes, load_service_times
from autoscaling.simulation.model import STAGES
from autoscaling.traffic import load_traffic
from hybrid_ocr.contracts.errors import ConfigurationError, RequestError
from infra.settings import load_settings
from tests.conftest import ROOT


def test_every_type_that_a_deployment_may_use_has_a_price_and_service_times() -> None:
    prices, times = load_prices(), load_service_times()
    types = tomllib.loads((ROOT / "infra/instances.toml").read_text())["types"]
    assert types.keys() <= prices.instances.keys()
    assert types.keys() <= times.types.keys()


def test_the_default_hosting_is_that_of_production() -> None:
    production = load_settings("prod", dockerfile=ROOT / "endpoints/Dockerfile")
    assert {name: host.instance_type for name, host in DEFAULT_HOSTING.items()} == {
        stage: production.instance_type(stage) for stage in STAGES
    }


def test_a_stage_that_was_never_measured_on_a_type_is_named_with_it() -> None:
    times = load_service_times()
    known = times.types["ml.g5.xlarge"].model_dump(exclude={"ocr"})
    without = times.model_copy(update={"types": {"ml.g5.xlarge": TypeTimes.model_validate(known)}})
    assert without.knows("text_detection", "ml.g5.xlarge")
    assert not without.knows("ocr", "ml.g5.xlarge")
    with pytest.raises(ConfigurationError, match=r"no ocr on ml\.g5\.xlarge: measure it"):
        without.seconds_per_page("ocr", "ml.g5.xlarge")


def test_times_of_what_is_no_stage_are_refused() -> None:
    told = {"basis": "measured", "source": "x", "ocr": {1: 0.1}, "orc": {1: 0.1}}
    with pytest.raises(ValueError, match="there is no key orc"):
        TypeTimes.model_validate(told)


def test_what_was_not_measured_says_so() -> None:
    times = load_service_times()
    assert not times.estimated("ml.c7i.xlarge")
    assert all(times.estimated(name) for name in times.types if ".g" in name)


def test_money_is_counted_by_the_second() -> None:
    assert load_prices().dollars("ml.g5.xlarge", 1800) == pytest.approx(0.704)


def test_seconds_a_page_fall_with_the_fixed_part_of_a_request() -> None:
    times = load_service_times()
    for stage in STAGES:
        for name in (name for name in times.types if times.knows(stage, name)):
            each = [times.seconds_per_page(stage, name, pages) for pages in (1, 2, 4, 8, 16)]
            assert each == sorted(each, reverse=True)
            assert each[0] == times.types[name].of(stage)[1]
            requests = [pages * seconds for pages, seconds in zip((1, 2, 4, 8), each, strict=False)]
            per_page = [(requests[2] - requests[1]) / 2, (requests[3] - requests[2]) / 4]
            assert per_page[0] == pytest.approx(per_page[1])


@pytest.mark.parametrize("load", [load_prices, load_service_times])
def test_a_table_that_is_wrong_names_file_and_key(tmp_path: Path, load) -> None:
    path = tmp_path / "table.toml"
    path.write_text("dated = 2026-11-20\nregion = 'x'\nsource = 'x'\n[instances]\n[types]\n")
    with pytest.raises(
        ConfigurationError,
        match=r"^table\.toml: there is no key (types|region) at its top",
    ):
        load(path)
    path.write_text("dated = [")
    with pytest.raises(ConfigurationError, match=r"cannot read .*table\.toml"):
        load(path)


@pytest.mark.parametrize(
    ("load", "right", "wrong", "said"),
    [
        (load_policies, "target = 3", "taget = 3", "taget in [region_detection.async.tracking]: target"),
        (load_policies, "[ocr.async]", "[ocr.asnyc]", "asnyc in [ocr]: async"),
        (load_policies, "[ocr.async]", "[orc.async]", "orc at its top: ocr"),
        (load_traffic, "kind =", "kid = 1, kind =", "kid in [office-hours.parts.0.poisson]: kind"),
        (load_prices, ", sure", ", shure", 'shure in [instances."ml.c7i.xlarge"]: sure'),
        (load_service_times, "\nbasis", "\nbassis", 'bassis in [types."ml.c7i.xlarge"]: basis'),
    ],
)
def test_a_misspelt_key_is_named_with_the_right_one(
    tmp_path: Path, load, right: str, wrong: str, said: str
) -> None:
    file = f"{load.__name__.removeprefix('load_')}.toml"
    path, ours = tmp_path / file, (ROOT / "autoscaling" / file).read_text()
    assert right in ours
    path.write_text(ours.replace(right, wrong, 1))
    where, _, meant = said.replace("in [", "in the table [").rpartition(": ")
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert raised.value.message == f"{file}: there is no key {where}: did you mean {meant}?"


def test_a_key_that_is_like_no_other_is_told_which_there_are(tmp_path: Path) -> None:
    path = tmp_path / "policies.toml"
    path.write_text((ROOT / "autoscaling/policies.toml").read_text().replace("periods = 2", "x = 2", 1))
    with pytest.raises(ConfigurationError, match="there are add_instances, cooldown_seconds, on_documents"):
        load_policies(path)


def test_a_price_below_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(
        "dated = 2026-11-20\nregion = 'x'\nsource = 'x'\n"
        '[instances]\n"ml.g5.xlarge" = { dollars_per_hour = -1.0 }\n'
    )
    with pytest.raises(
        ConfigurationError, match=r"prices\.toml: instances\.ml\.g5\.xlarge\.dollars_per_hour"
    ):
        load_prices(path)


def test_a_type_that_a_table_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(ConfigurationError, match=r"no ml\.p5\.48xlarge.*ml\.g5\.xlarge"):
        load_prices().dollars("ml.p5.48xlarge", 1)
    with pytest.raises(ConfigurationError, match=r"no ml\.p5\.48xlarge.*ml\.g5\.xlarge"):
        load_service_times().seconds_per_page("ocr", "ml.p5.48xlarge")


def test_hosting_from_the_command_line() -> None:
    hosting = parse_hosting(["ocr=ml.g6.xlarge:realtime"])
    assert (hosting["ocr"].instance_type, hosting["ocr"].mode) == ("ml.g6.xlarge", "realtime")
    assert hosting["text_detection"] == DEFAULT_HOSTING["text_detection"]
    for wrong in ("ocr", "orc=ml.g5.xlarge", "ocr=ml.g5.xlarge:batch", "ocr="):
        with pytest.raises(RequestError, match="STAGE=TYPE"):
            parse_hosting([wrong])
