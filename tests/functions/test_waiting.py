"""Whatever the order of dispatches, answers, notices, sweeps and crashes: each state gets one answer."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from hybrid_ocr.contracts.errors import CapacityError, ConfigurationError, ErrorCode
from hybrid_ocr.storage.settle import End, FailureNotice, Settler
from hybrid_ocr.storage.tickets import UNSENT_SECONDS, Invocation, Ticket, Tickets
from lambdas.dispatch.asynchronous import AsyncDispatch, Dispatched
from lambdas.sweep.sweep import sweep
from tests.functions.component import TABLE, stage_task
from tests.functions.fakes import WORK, Clock, Endpoint, Shelf, States

NUMBERS = itertools.count()
TTL, TIMEOUT = 3_600, 900


MEANWHILE = st.sampled_from(["nothing", "crash", "another state comes"])
"""What happens between the answer to a state and the end of its ticket."""


class CrashError(Exception):
    """The function died here."""


def dies(*_: object) -> bool:
    raise CrashError


class World:
    """One batch of one stage and everything that may happen to it."""

    def __init__(self, table: Any, clock: Clock) -> None:
        self.clock, self.number = clock, next(NUMBERS)
        self.shelf, self.states = Shelf(clock), States()
        self.endpoint = Endpoint(self.shelf, clock)
        self.tickets = Tickets(TABLE, table)
        self.settler = Settler(self.tickets, self.states, self.shelf)
        self.dispatcher = AsyncDispatch(
            self.tickets,
            self.settler,
            self.shelf,
            self.endpoint,
            invocation_timeout_seconds=TIMEOUT,
            request_ttl_seconds=TTL,
        )
        self.tokens = 0

    @property
    def inference_id(self) -> str:
        return f"{self.number:032x}-1-0-1-3-text"

    def new_token(self) -> str:
        """The state is tried again: Step Functions waits with another token."""
        self.tokens += 1
        token = f"token-{self.tokens}"
        self.states.waiting.add(token)
        return token

    def dispatch(self, token: str) -> Dispatched:
        return self.dispatcher.dispatch(stage_task(token, self.number), "an-endpoint")

    def is_open(self) -> bool:
        return self.tickets.get(self.inference_id) is not None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (
        "hybrid_ocr.storage.tickets",
        "hybrid_ocr.storage.settle",
        "lambdas.dispatch.asynchronous",
    ):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock


@pytest.fixture
def world(table: Any, clock: Clock) -> World:
    return World(table, clock)


def test_an_output_that_is_told_of_answers_the_state_and_closes_the_ticket(world: World) -> None:
    token = world.new_token()
    assert world.dispatch(token) is Dispatched.SENT
    asked = world.endpoint.invocations[0]
    assert asked["InputLocation"].endswith("/1/0-1-3/crops.msgpack")
    assert asked["output"].endswith("/1/0-1-3/text.msgpack")
    assert (asked["RequestTTLSeconds"], asked["InvocationTimeoutSeconds"]) == (TTL, TIMEOUT)
    world.endpoint.succeed(asked)
    assert world.settler.settle(world.inference_id).end is End.SUCCEEDED
    assert world.states.succeeded == {token: 1}
    assert not world.is_open()
    assert world.settler.settle(world.inference_id) is None, "a second notice finds nobody waiting"


@pytest.mark.parametrize(
    "joined", ["{path}//{folder}/{file}", "/{path}/{folder}//{file}", "elsewhere/{folder}/{file}.out"]
)
@pytest.mark.parametrize("told", [True, False], ids=["notice", "sweep"])
def test_however_sagemaker_joins_its_paths_the_next_stage_finds_the_output(
    world: World, joined: str, told: bool
) -> None:
    world.endpoint.joined = joined
    token = world.new_token()
    world.dispatch(token)
    asked = world.endpoint.invocations[0]
    assert world.settler.settle(world.inference_id).end is End.WAITING
    world.endpoint.succeed(asked)
    if told:
        world.settler.settle(world.inference_id)
    else:
        sweep(world.tickets, world.settler, lambda: True)
    assert world.states.succeeded == {token: 1}
    assert world.shelf.get(f"jobs/{world.number:032x}/1/0-1-3/text.msgpack") == b"output"


def test_an_endpoint_that_writes_outside_the_work_bucket_is_refused_by_name(world: World) -> None:
    world.endpoint.bucket = "somebody-elses"
    with pytest.raises(ConfigurationError) as refused:
        world.dispatch(world.new_token())
    for name in ("S3OutputPath of endpoint an-endpoint", "s3://somebody-elses/jobs/", WORK):
        assert name in refused.value.message
    assert not world.is_open()


def test_a_state_that_is_tried_again_joins_the_invocation_in_flight(world: World) -> None:
    first = world.new_token()
    world.dispatch(first)
    world.states.waiting.remove(first)
    second = world.new_token()
    assert world.dispatch(second) is Dispatched.JOINED
    assert len(world.endpoint.invocations) == 1
    world.endpoint.succeed(world.endpoint.in_flight[0])
    assert world.settler.settle(world.inference_id).stale_tokens == 1
    assert world.states.succeeded == {second: 1}


def test_an_output_that_is_there_already_needs_no_endpoint(world: World) -> None:
    world.dispatch(world.new_token())
    world.endpoint.succeed(world.endpoint.in_flight[0])
    world.settler.settle(world.inference_id)
    late = world.new_token()
    assert world.dispatch(late) is Dispatched.ALREADY_DONE
    assert world.states.succeeded[late] == 1
    assert len(world.endpoint.invocations) == 1
    assert not world.is_open()


@pytest.mark.parametrize("leaves_object", [True, False], ids=["failure object", "notice alone"])
def test_a_failure_reaches_the_state_with_the_containers_own_code(world: World, leaves_object: bool) -> None:
    token = world.new_token()
    world.dispatch(token)
    reason = (
        'ClientError: Received server error (413) from model with message "{"error":{"code":"BODY_TOO_LARGE",'
        '"message":"too much","retryable":false}}". See the log.'
    )
    notice = world.endpoint.fail(world.endpoint.in_flight[0], reason, leaves_object)
    assert world.settler.settle(world.inference_id, notice).end is End.FAILED
    assert world.states.failed[token].code is ErrorCode.BODY_TOO_LARGE
    assert not world.states.failed[token].retryable
    assert b"BODY_TOO_LARGE" in world.shelf.get(f"jobs/{world.number:032x}/1/0-1-3/ocr.error.json")


def test_a_failure_of_an_earlier_invocation_is_not_held_against_a_later_one(world: World) -> None:
    world.dispatch(world.new_token())
    old = world.endpoint.fail(world.endpoint.in_flight[0], leaves_object=False)
    world.settler.settle(world.inference_id, old)
    again = world.new_token()
    assert world.dispatch(again) is Dispatched.SENT
    assert world.settler.settle(world.inference_id, old).end is End.WAITING
    assert again in world.states.waiting


def test_what_waits_gets_heartbeats_and_in_the_end_an_error_that_a_retry_heals(world: World) -> None:
    token = world.new_token()
    world.dispatch(token)
    world.clock.now += TTL + TIMEOUT
    assert world.settler.settle(world.inference_id).end is End.WAITING
    assert world.states.heartbeats[token] == 1
    world.clock.now += 200
    assert world.settler.settle(world.inference_id).end is End.EXPIRED
    assert world.states.failed[token].code is ErrorCode.STAGE_TIMEOUT
    assert world.states.failed[token].retryable
    assert not world.is_open()


def test_tokens_that_nobody_waits_with_are_forgotten(world: World) -> None:
    token = world.new_token()
    world.dispatch(token)
    world.states.waiting.clear()
    assert world.settler.settle(world.inference_id).stale_tokens == 1
    assert world.settler.settle(world.inference_id).stale_tokens == 0


def test_a_state_that_comes_while_the_ticket_is_closed_is_not_forgotten(world: World) -> None:
    world.dispatch(world.new_token())
    notice = world.endpoint.fail(world.endpoint.in_flight[0])
    with pytest.MonkeyPatch.context() as patch:

        def close(ticket: Ticket) -> bool:
            patch.undo()
            world.tickets.open(stage_task(world.new_token(), world.number))
            return world.tickets.close(ticket)

        patch.setattr(world.tickets, "close", close)
        world.settler.settle(world.inference_id, notice)
    assert not world.states.waiting or world.is_open()


def test_an_endpoint_that_refuses_leaves_no_ticket_open(world: World) -> None:
    world.endpoint.broken = CapacityError("not now")
    with pytest.raises(CapacityError):
        world.dispatch(world.new_token())
    assert not world.is_open()


def test_a_dispatch_that_died_before_it_asked_is_given_up_by_the_sweep(world: World) -> None:
    token = world.new_token()
    world.tickets.open(stage_task(token, world.number))
    world.clock.now += UNSENT_SECONDS + 1
    told = sweep(world.tickets, world.settler, lambda: True)
    assert told.ends[End.EXPIRED] >= 1
    assert world.states.failed[token].retryable


def test_a_sweep_without_time_settles_nothing_and_says_so(world: World) -> None:
    world.dispatch(world.new_token())
    told = sweep(world.tickets, world.settler, lambda: False)
    assert not told.complete
    assert told.open_tickets >= 1
    assert world.is_open()


def test_one_ticket_that_cannot_be_settled_does_not_stop_the_others(
    world: World, table: Any, clock: Clock
) -> None:
    other = World(table, clock)
    for one in (world, other):
        one.dispatch(one.new_token())
        one.endpoint.succeed(one.endpoint.in_flight[0])
    world.shelf.kept |= other.shelf.kept
    world.states.waiting = {"token-1"}
    succeed = world.states.succeed

    def broken_once(token: str) -> bool:
        world.states.succeed = succeed
        raise ConnectionError

    world.states.succeed = broken_once
    told = sweep(world.tickets, world.settler, lambda: True)
    assert told.unsettled == 1
    assert world.is_open() != other.is_open()


@pytest.fixture
def make_world(table: Any, clock: Clock) -> Callable[[], World]:
    return lambda: World(table, clock)


def test_any_order_of_events_ends_in_one_answer_and_a_closed_ticket(make_world: Callable[[], World]) -> None:
    class Orders(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.world = make_world()
            self.sent: list[str] = []
            self.notices: list[FailureNotice | None] = []

        @property
        def waiting(self) -> bool:
            return bool(self.world.states.waiting)

        @property
        def done(self) -> bool:
            return bool(self.world.states.succeeded)

        @precondition(lambda self: not self.waiting and not self.done)
        @rule(meanwhile=st.sampled_from(["nothing", "crash before asking", "crash after asking", "failure"]))
        def the_state_starts_or_is_tried_again(self, meanwhile: str) -> None:
            token = self.world.new_token()
            self.sent.append(token)
            if meanwhile == "crash before asking":
                self.world.tickets.open(stage_task(token, self.world.number))
                return
            with pytest.MonkeyPatch.context() as patch:
                if meanwhile != "nothing":
                    happens = (
                        dies if meanwhile == "crash after asking" else self._failure_comes_before_the_note
                    )
                    patch.setattr(self.world.tickets, "sent", happens)
                with contextlib.suppress(CrashError):
                    self.world.dispatch(token)

        def _failure_comes_before_the_note(self, ticket: Ticket, invocation: Invocation) -> bool:
            notice = self.world.endpoint.fail(self.world.endpoint.in_flight[-1], "broken")
            self.world.settler.settle(self.world.inference_id, notice)
            return Tickets.sent(self.world.tickets, ticket, invocation)

        @precondition(lambda self: self.sent)
        @rule(data=st.data())
        def a_dispatch_is_delivered_again(self, data: st.DataObject) -> None:
            self.world.dispatch(data.draw(st.sampled_from(self.sent)))

        @precondition(lambda self: self.waiting)
        @rule()
        def the_state_gives_up_waiting(self) -> None:
            self.world.states.waiting.clear()

        @precondition(lambda self: self.world.endpoint.in_flight)
        @rule(data=st.data())
        def an_invocation_succeeds(self, data: st.DataObject) -> None:
            self.world.endpoint.succeed(data.draw(st.sampled_from(self.world.endpoint.in_flight)))
            self.notices.append(None)

        @precondition(lambda self: self.world.endpoint.in_flight)
        @rule(data=st.data(), leaves_object=st.booleans())
        def an_invocation_fails(self, data: st.DataObject, leaves_object: bool) -> None:
            failed = data.draw(st.sampled_from(self.world.endpoint.in_flight))
            self.notices.append(self.world.endpoint.fail(failed, "broken", leaves_object))

        @precondition(lambda self: self.world.endpoint.in_flight)
        @rule()
        def an_invocation_vanishes(self) -> None:
            self.world.endpoint.in_flight.pop()

        @precondition(lambda self: self.notices)
        @rule(data=st.data(), meanwhile=MEANWHILE)
        def a_notice_comes_once_more(self, data: st.DataObject, meanwhile: str) -> None:
            self._settle(data.draw(st.sampled_from(self.notices)), meanwhile)

        @rule(meanwhile=MEANWHILE)
        def the_sweep_comes(self, meanwhile: str) -> None:
            self._settle(None, meanwhile)

        @rule(seconds=st.sampled_from([1, 60, UNSENT_SECONDS, TTL + TIMEOUT + 121]))
        def time_passes(self, seconds: int) -> None:
            self.world.clock.now += seconds

        def _settle(self, notice: FailureNotice | None, meanwhile: str) -> None:
            with pytest.MonkeyPatch.context() as patch:
                if meanwhile != "nothing":
                    happens = dies if meanwhile == "crash" else self._another_state_comes_before_it_is_closed
                    patch.setattr(self.world.tickets, "close", happens)
                with contextlib.suppress(CrashError):
                    self.world.settler.settle(self.world.inference_id, notice)

        def _another_state_comes_before_it_is_closed(self, ticket: Ticket) -> bool:
            if not self.waiting and not self.done and self.world.tokens < 5:
                self.world.tickets.open(stage_task(self.world.new_token(), self.world.number))
            return Tickets.close(self.world.tickets, ticket)

        def teardown(self) -> None:
            """From now on nothing goes wrong any more; a sweep comes each minute."""
            world = self.world
            for _ in range(6):
                if self.done and not world.is_open():
                    break
                if not self.waiting and not self.done:
                    world.dispatch(world.new_token())
                for invocation in list(world.endpoint.in_flight):
                    world.endpoint.succeed(invocation)
                world.clock.now += UNSENT_SECONDS if self.waiting else 60
                if not world.endpoint.in_flight and self.waiting and not world.shelf.exists(self._key()):
                    world.clock.now += TTL + TIMEOUT + 121
                world.settler.settle(world.inference_id)
            assert sum(world.states.succeeded.values()) == 1
            assert not world.states.waiting
            assert world.shelf.exists(self._key()), "no state is told of an output that is not there"
            assert not world.is_open()

        def _key(self) -> str:
            return f"jobs/{self.world.number:032x}/1/0-1-3/text.msgpack"

    run_state_machine_as_test(
        Orders,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
