"""Lines of logs, and the metrics in them: what holds for whatever a function prints."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.functions.logs import LogStream
from local_aws.functions.metrics import parse

DIRECTIVE = {"Namespace": "n", "Dimensions": [["stage"]], "Metrics": [{"Name": "pages"}]}
FIELDS = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [DIRECTIVE]}, "stage": "ocr", "pages": 1}
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.binary(max_size=20)))
def test_lines_do_not_depend_on_how_they_arrive(chunks):
    lines = []
    stream = LogStream("stream", lambda request_id, more: lines.extend((request_id, line) for line in more))
    stream.begin("id")
    for chunk in chunks:
        stream.feed(chunk)
    stream.flush()
    whole = b"".join(chunks)
    assert lines == [("id", line) for line in whole.removesuffix(b"\n").split(b"\n")] * bool(whole)
    assert stream.tail == b"".join(line + b"\n" for _, line in lines)


def test_a_line_without_an_end_is_cut_and_not_kept_for_ever():
    lines = []
    stream = LogStream("stream", lambda _, more: lines.extend(more))
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
        json.dumps({**FIELDS, "pages": float("nan")}).encode(),
        json.dumps({**FIELDS, "pages": "many"}).encode(),
        json.dumps({name: value for name, value in FIELDS.items() if name != "stage"}).encode(),
        json.dumps({**FIELDS, "_aws": {"Timestamp": 1e300, "CloudWatchMetrics": [DIRECTIVE]}}).encode(),
    ],
)
def test_a_line_that_only_looks_like_metrics_has_none(line):
    assert parse(line) == []
    assert len(parse(json.dumps(FIELDS).encode())) == 1


@given(json_values, st.sampled_from(["Timestamp", "CloudWatchMetrics"]), st.sampled_from(list(DIRECTIVE)))
def test_nothing_that_is_printed_breaks_the_reader_of_metrics(value, part, field):
    for fields in (
        {**FIELDS, "_aws": value},
        {**FIELDS, "_aws": {**FIELDS["_aws"], part: value}},
        {**FIELDS, "_aws": {"Timestamp": 1, "CloudWatchMetrics": [{**DIRECTIVE, field: value}]}},
        {**FIELDS, "pages": value},
    ):
        for namespace, data in parse(json.dumps(fields).encode()):
            assert isinstance(namespace, str)
            assert {datum["MetricName"] for datum in data} <= fields.keys()
