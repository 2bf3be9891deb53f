"""Lines of logs, and the metrics in them: laws for whatever a function prints."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.functions.logs import FunctionLog, LogStream
from local_aws.functions.metrics import parse

DIRECTIVE = {"Namespace": "n", "Dimensions": [["stage"]], "Metrics": [{"Name": "pages"}]}
TOLD = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [DIRECTIVE]}, "stage": "ocr", "pages": 1}
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.binary(max_size=20)))
def test_lines_do_not_depend_on_how_they_arrive(tmp_path_factory, chunks):
    path, lines = tmp_path_factory.mktemp("log") / "f.log", []
    with FunctionLog(path) as log:
        stream = LogStream(log, lines.append)
        stream.begin("id")
        for chunk in chunks:
            stream.feed(chunk)
        stream.flush()
    whole = b"".join(chunks)
    assert lines == whole.removesuffix(b"\n").split(b"\n") * bool(whole)
    assert path.read_bytes() == b"".join(b"id %s\n" % line for line in lines)


def test_a_line_without_an_end_is_cut_and_not_kept_for_ever(tmp_path):
    lines = []
    with FunctionLog(tmp_path / "f.log") as log:
        stream = LogStream(log, lines.append)
        for _ in range(48):
            stream.feed(b"x" * 2**16)
    assert [len(line) for line in lines] == [2**20, 2**20]
    assert len(stream.tail) == 4096


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no metrics",
        b'{"_aws": 1}',
        b'{"_aws": ' + b"[" * 100_000,
        json.dumps({**TOLD, "pages": float("nan")}).encode(),
        json.dumps({**TOLD, "pages": "many"}).encode(),
        json.dumps({name: value for name, value in TOLD.items() if name != "stage"}).encode(),
        json.dumps({**TOLD, "_aws": {"Timestamp": 1e300, "CloudWatchMetrics": [DIRECTIVE]}}).encode(),
    ],
)
def test_a_line_that_only_looks_like_metrics_has_none(line):
    assert list(parse(line)) == []
    assert len(list(parse(json.dumps(TOLD).encode()))) == 1


@given(json_values, st.sampled_from(["Timestamp", "CloudWatchMetrics"]), st.sampled_from(list(DIRECTIVE)))
def test_nothing_that_is_printed_breaks_the_reader_of_metrics(value, part, field):
    for told in (
        {**TOLD, "_aws": value},
        {**TOLD, "_aws": {**TOLD["_aws"], part: value}},
        {**TOLD, "_aws": {"Timestamp": 1, "CloudWatchMetrics": [{**DIRECTIVE, field: value}]}},
        {**TOLD, "pages": value},
    ):
        for namespace, datum in parse(json.dumps(told).encode()):
            assert isinstance(namespace, str)
            assert datum["MetricName"] in told
